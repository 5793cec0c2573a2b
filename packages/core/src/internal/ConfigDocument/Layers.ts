/**
 * The layers above the document: environment variables, then values set at run time. A variable's name is the prefix and the path's keys in
 * upper snake case. Keys of records count where the document has them. A name that fits several paths sets none of them and is reported.
 */
import { Result } from "effect"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { absent, findFaults, freeze, isObject, member, put, replaceAt } from "../Json.ts"
import { parseEdit } from "./Edits.ts"
import { ProblemList } from "./Problems.ts"
import type { Shape, Shapes, View } from "./Shape.ts"
import type { Edit, Layers } from "./Types.ts"

export interface Override {
  readonly tokens: Tokens
  /** `absent` removes. */
  readonly value: unknown
  readonly by: "environment" | "runtime"
  /** The name in messages. */
  readonly name: string
}

/** The source of the names of variables. Without a prefix the environment is not read. */
export interface Naming {
  readonly shapes: Shapes
  readonly prefix: string | undefined
}

/** The values of all layers above a document, the decisive ones last. */
export const overridesOf = (
  naming: Naming,
  layers: Layers,
  document: unknown,
  problems: ProblemList,
  warnings: ProblemList,
): ReadonlyArray<Override> => [
  ...environmentOverrides(variablesOf(naming, layers, document), problems, warnings),
  ...runtimeOverrides(layers.runtime ?? [], problems),
]

/** A variable that is set, and a path that its name fits. */
interface Variable {
  readonly name: string
  readonly tokens: Tokens
  readonly text: string
  readonly view: View
}

/** Looks up a variable for every path of the schema and of the document's records. */
const variablesOf = (
  { prefix, shapes }: Naming,
  { environment, mayHaveVariables = () => true }: Layers,
  document: unknown,
): ReadonlyArray<Variable> => {
  const found: Array<Variable> = []
  if (prefix === undefined || environment === undefined) return found
  const tokens: Array<string> = []
  const above: Array<Shape["fields"]> = []
  const visit = (view: View, value: unknown, name: string): void => {
    const { isRecord, suffixes } = namesOf(view)
    if ((suffixes.size === 0 && !isRecord) || !mayHaveVariables(`${name}_`)) return
    // A schema that contains itself is followed as far as the document goes.
    if (!isObject(value) && view.some((shape) => above.includes(shape.fields))) return
    const depth = above.length
    for (const { fields } of view) if (fields.size > 0) above.push(fields)
    const enter = (key: string, suffix: string): void => {
      const inner = shapes.step(view, key)
      if (inner.length === 0) return
      tokens.push(key)
      const text = environment(name + suffix)
      if (text !== undefined) found.push({ name: name + suffix, tokens: [...tokens], text, view: inner })
      visit(inner, member(value, key), name + suffix)
      tokens.pop()
    }
    for (const [key, suffix] of suffixes) enter(key, suffix)
    if (isRecord && isObject(value)) {
      for (const key of Object.keys(value)) if (!suffixes.has(key)) enter(key, `_${snake(key)}`)
    }
    above.length = depth
  }
  visit(shapes.root, document, prefix)
  return found
}

interface Names {
  /** Declared keys, and what they add to a variable's name. */
  readonly suffixes: ReadonlyMap<string, string>
  readonly isRecord: boolean
}

const namesOfViews = new WeakMap<View, Names>()

const namesOf = (view: View): Names => {
  const known = namesOfViews.get(view)
  if (known !== undefined) return known
  const encoded = view.filter((shape) => shape.encoded && !shape.isArray)
  const suffixes = new Map(encoded.flatMap(({ fields }) => [...fields.keys()].map((key) => [key, `_${snake(key)}`])))
  const names = { suffixes, isRecord: encoded.some((shape) => shape.rest.length > 0) }
  namesOfViews.set(view, names)
  return names
}

/** `eventsDays`, `events_days` and `events.days` all become `EVENTS_DAYS`. */
const snake = (key: string): string =>
  key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()

/** The values of variables, shallow paths first. */
const environmentOverrides = (
  variables: ReadonlyArray<Variable>,
  problems: ProblemList,
  warnings: ProblemList,
): ReadonlyArray<Override> => {
  const overrides: Array<Override> = []
  for (const [variable, fitting] of Map.groupBy(variables, ({ name }) => name)) {
    const name = `environment variable ${variable}`
    const [first, ...others] = fitting
    if (others.length > 0) {
      const paths = fitting.map(({ tokens }) => pointer(tokens)).sort()
      const shown = paths.length > maxShown ? [...paths.slice(0, maxShown), `${paths.length - maxShown} more`] : paths
      const message = `${name} fits ${shown.join(" and ")}: it is ignored, set the value in the document`
      warnings.add({ by: "schema", path: [], message, at: "nowhere" })
      continue
    }
    const { tokens } = first!
    const value = valueOf(first!)
    if (value !== undefined) overrides.push({ tokens, value, by: "environment", name })
    else {
      const message = `${name} must hold JSON (a number, true, false, null, an object or an array): correct or unset it`
      problems.add({ by: "schema", path: tokens, message, at: "nowhere" })
    }
  }
  return overrides.sort((left, right) => left.tokens.length - right.tokens.length || (left.name < right.name ? -1 : 1))
}

const maxShown = 8

/** Text where the document would have a string, JSON where it would have anything else. `undefined` for what no document may hold. */
const valueOf = ({ text, view }: Variable): unknown => {
  const scalars = view.filter((shape) => shape.encoded).map((shape) => shape.scalar)
  const otherwise = scalars.includes("string") ? text : undefined
  if (otherwise !== undefined && !scalars.includes("other")) return text
  try {
    const value: unknown = JSON.parse(text)
    return findFaults(value, 1).length > 0 ? otherwise : freeze(value)
  } catch {
    return otherwise
  }
}

const runtimeOverrides = (edits: ReadonlyArray<Edit>, problems: ProblemList): ReadonlyArray<Override> =>
  edits.flatMap((edit) => {
    const name = "the value set at run time"
    const parsed = parseEdit(edit)
    if (Result.isSuccess(parsed)) return [{ ...parsed.success, by: "runtime", name } as const]
    const { message, path } = parsed.failure
    problems.add({ by: "schema", path, message: `${name}: ${message}`, at: "nowhere" })
    return []
  })

/** The document under its overrides. */
export const applyOverrides = (
  document: unknown,
  overrides: ReadonlyArray<Override>,
  problems: ProblemList,
): unknown => {
  let value = document
  for (const override of overrides) {
    const next = replaceAt(value, override.tokens, override.value)
    if (next !== absent) value = next
    else if (override.by === "runtime") {
      const message = `${override.name} has no place: the document has no object there`
      problems.add({ by: "schema", path: override.tokens, message, at: "nowhere" })
    }
  }
  return value
}

const isAtOrAbove = (above: Tokens, tokens: Tokens): boolean =>
  above.length <= tokens.length && above.every((token, index) => token === tokens[index])

/** The override that decides a path: the last one at the path or above it. */
export const decisive = (overrides: ReadonlyArray<Override>, tokens: Tokens): Override | undefined =>
  overrides.findLast((override) => isAtOrAbove(override.tokens, tokens))

/**
 * The values of the document where it has any, and those of the layers above for the rest: what would be in force if nothing hid a part of
 * the document. Returns `layered` itself where nothing is hidden.
 */
export const unhidden = (document: unknown, layered: unknown): unknown => {
  if (Object.is(document, layered) || !isObject(document) || !isObject(layered)) return document
  const filled: Record<string, unknown> = {}
  let same = true
  for (const key of new Set([...Object.keys(layered), ...Object.keys(document)])) {
    const above = member(layered, key)
    const inner = Object.hasOwn(document, key) ? unhidden(document[key], above) : above
    put(filled, key, inner)
    same &&= Object.is(inner, above)
  }
  return same ? layered : Object.freeze(filled)
}

/** Whether a layer above the document sets something at, above or below the path of an edit. */
export const hides = (naming: Naming, layers: Layers, edit: Edit): boolean => {
  const parsed = parseEdit(edit)
  if (Result.isFailure(parsed)) return false
  const { tokens, value } = parsed.success
  const edited = replaceAt({}, tokens, value === absent ? {} : value)
  const set = [...variablesOf(naming, layers, edited), ...runtimeOverrides(layers.runtime ?? [], new ProblemList())]
  return set.some((above) => isAtOrAbove(above.tokens, tokens) || isAtOrAbove(tokens, above.tokens))
}
