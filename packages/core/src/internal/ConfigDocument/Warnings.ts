/** What works and is worth a look: unknown keys with near names, keys that stand twice, and what the schema's owner says. Bounded like problems. */
import type { Problem } from "../../ConfigError.ts"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { didYouMean, nearNames } from "../../NearNames.ts"
import type { State } from "./Members.ts"
import { asInText, type Findings, locate, maxProblems } from "./Problems.ts"
import { repeatsIn } from "./Repeats.ts"
import type { Shapes } from "./Shape.ts"
import type { Source } from "./Source.ts"
import { lines } from "./Text.ts"
import { positions } from "./Tree.ts"

/** A text that was loaded. */
interface Subject {
  readonly text: string
  readonly source: Source
  readonly state: State
  /** Whether keys that stand twice are looked for. */
  readonly searched: boolean
}

/** To look for keys that stand twice costs nearly as much as to parse: a long text that takes the place of another is spared. */
export const isSearched = (text: string, takesPlace: boolean): boolean => !takesPlace || text.length <= maxSearched
const maxSearched = 256 * 1024

/** `found`: what was found while loading. */
export const warningsOf = (subject: Subject, shapes: Shapes, found: Findings): ReadonlyArray<Problem> => {
  const { searched, source, state, text } = subject
  for (const path of state.unknown) {
    if (path.length === 1 && path[0] === "version") continue
    found.add({ by: "schema", path, message: unknownKey(shapes, path), at: "key" })
  }
  for (const { message, path } of remarksOn(state.output, shapes))
    found.add({ by: "schema", path, message, at: "value" })
  const located = found.count === 0 ? [] : locate(found, positions(text))
  const repeats = searched ? repeatsIn(text, source.value, maxProblems) : []
  if (repeats.length === 0) return located
  const at = lines(text)
  const twice = repeats.map(({ offset, path }) => ({
    by: "parser",
    path: pointer(path),
    ...at(offset),
    message: `the key ${JSON.stringify(path.at(-1))} stands here again: only the last one counts, remove the others`,
  }))
  return [...located, ...twice].sort(asInText).slice(0, maxProblems)
}

/** The configuration is in force: code of others must not turn that into a failure. */
const remarksOn = (config: unknown, shapes: Shapes): ReturnType<Shapes["remarks"]> => {
  try {
    return shapes.remarks(config)
  } catch {
    return [{ path: [], message: "the schema's own warnings fail on this configuration: repair the schema" }]
  }
}

const unknownKey = (shapes: Shapes, path: Tokens): string => {
  const view = shapes.at(path.slice(0, -1)).filter((shape) => shape.encoded)
  const near = nearNames(path.at(-1) ?? "", new Set(view.flatMap((shape) => [...shape.fields.keys()])))
  return `unknown key ${JSON.stringify(path.at(-1))}${didYouMean(near) || ": it has no effect"}`
}
