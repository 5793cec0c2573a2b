/** Warnings about a document that is in force: unknown keys with near names, repeated keys, and the remarks of the schema's owner. */
import type { Problem } from "../../ConfigError.ts"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { didYouMean, nearNames } from "../../NearNames.ts"
import { absent, isObject, lookup } from "../Json.ts"
import { positionsIn } from "./Outline.ts"
import { asInText, locate, maxProblems, type ProblemList } from "./Problems.ts"
import { repeatsIn } from "./Repeats.ts"
import type { Shapes } from "./Shape.ts"
import { linesOf } from "./Text.ts"
import type { Remark } from "./Types.ts"

interface Subject {
  readonly text: string
  /** The text as plain JSON. */
  readonly value: unknown
  readonly config: unknown
  readonly unknown: ReadonlyArray<Tokens>
  /** Whether the text is searched for repeated keys. */
  readonly isSearched: boolean
}

/** The search for repeated keys costs nearly as much as a parse: a long text that follows another one is spared. */
export const isSearched = (text: string, follows: boolean): boolean => !follows || text.length <= maxSearched
const maxSearched = 256 * 1024

/** At most 256 warnings. `found` has those of the load; it is added to. */
export const warningsOf = (subject: Subject, shapes: Shapes, found: ProblemList): ReadonlyArray<Problem> => {
  const { config, isSearched, text, unknown, value } = subject
  for (const path of unknown) {
    if (path.length === 1 && path[0] === "version") continue
    if (found.isFull) found.count++
    else found.add({ by: "schema", path, message: unknownKey(shapes, path), at: "key" })
  }
  for (const { message, path } of remarksOn(config, shapes)) found.add({ by: "schema", path, message, at: "value" })
  const located = found.count === 0 ? [] : locate(found, positionsIn(text))
  const repeats = isSearched ? repeatsIn(text, value, maxProblems) : []
  if (repeats.length === 0) return located
  const lines = linesOf(text)
  const twice = repeats.map(({ offset, path }) => ({
    by: "parser",
    path: pointer(path),
    ...lines(offset),
    message: `the key ${JSON.stringify(path.at(-1))} occurs here again: only the last one counts, remove the others`,
  }))
  return [...located, ...twice].sort(asInText).slice(0, maxProblems)
}

/** The configuration is in force, so a failure of the host's code must not become a failure of the load. */
const remarksOn = (config: unknown, shapes: Shapes): ReadonlyArray<Remark> => {
  try {
    return shapes.remarks(config)
  } catch {
    return [{ path: [], message: "the schema's own warnings fail on this configuration: repair the schema" }]
  }
}

/**
 * Adds the unknown keys that are problems and not warnings: a section of the schema has a similar name and is missing, so that everything in it
 * would be lost.
 */
export const addMisspeltSections = (
  shapes: Shapes,
  document: unknown,
  unknown: ReadonlyArray<Tokens>,
  problems: ProblemList,
): void => {
  for (const path of unknown) {
    const section = lookup(document, path)
    if (!isObject(section) || Object.keys(section).length === 0) continue
    const parent = path.slice(0, -1)
    const isMissingSection = (name: string): boolean =>
      lookup(document, [...parent, name]) === absent &&
      shapes.at([...parent, name]).some(({ encoded, fields, rest }) => encoded && (fields.size > 0 || rest.length > 0))
    const near = nearKeys(shapes, path).filter(isMissingSection)
    if (near.length === 0) continue
    const message = `unknown section ${JSON.stringify(path.at(-1))}${didYouMean(near)}: correct its name`
    problems.add({ by: "schema", path, message, at: "key" })
  }
}

const nearKeys = (shapes: Shapes, path: Tokens): ReadonlyArray<string> => {
  const view = shapes.at(path.slice(0, -1)).filter((shape) => shape.encoded)
  return nearNames(path.at(-1) ?? "", new Set(view.flatMap((shape) => [...shape.fields.keys()])))
}

const unknownKey = (shapes: Shapes, path: Tokens): string =>
  `unknown key ${JSON.stringify(path.at(-1))}${didYouMean(nearKeys(shapes, path)) || ": it has no effect"}`
