/**
 * What stands above the document: environment variables, then values set at run time. A variable's name is the prefix and the path's keys in upper
 * snake case; keys of records count where the document has them. A name that fits several paths sets none of them and is said.
 */
import {
  absent,
  adopt,
  isObject,
  keysOf,
  lookup,
  parsePointer,
  pointer,
  replaceAt,
  reuse,
  type Tokens,
} from "./Json.ts"
import type { Findings } from "./Problems.ts"
import type { Shape, Shapes, View } from "./Shape.ts"

export interface Override {
  readonly tokens: Tokens
  /** `absent` removes. */
  readonly value: unknown
  readonly by: "environment" | "runtime"
  /** How a person finds it. */
  readonly name: string
}

export type Environment = (name: string) => string | undefined

export type RuntimeEdit =
  | { readonly path: string; readonly value: unknown }
  | { readonly path: string; readonly remove: true }

/** `eventsDays`, `events_days` and `events.days` all become `EVENTS_DAYS`. */
export const snake = (key: string): string =>
  key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()

interface Found {
  readonly name: string
  readonly tokens: Tokens
  readonly text: string
  readonly view: View
}

/** Every variable that is set for a path of the schema (or of the document's records), shallow ones first. */
export const environmentOverrides = (
  shapes: Shapes,
  prefix: string,
  environment: Environment,
  document: unknown,
  findings: Findings,
  warnings: Findings,
): ReadonlyArray<Override> => {
  const found = new Map<string, Array<Found>>()
  visit(shapes, shapes.root, document, prefix, [], [], (name, tokens, view) => {
    const text = environment(name)
    if (text === undefined) return
    const others = found.get(name)
    if (others === undefined) found.set(name, [{ name, tokens, text, view }])
    else others.push({ name, tokens, text, view })
  })
  const overrides: Array<Override> = []
  for (const [name, places] of found) {
    const [first, ...others] = places
    if (first === undefined) continue
    if (others.length > 0) {
      const paths = places.map(({ tokens }) => pointer(tokens)).join(" and ")
      const message = `environment variable ${name} fits ${paths}: it is ignored, set the value in the document`
      warnings.add({ by: "schema", path: [], message, at: "nowhere" })
      continue
    }
    const value = readVariable(first, findings)
    if (value !== absent)
      overrides.push({ tokens: first.tokens, value, by: "environment", name: `environment variable ${name}` })
  }
  return overrides.sort((left, right) => left.tokens.length - right.tokens.length)
}

const visit = (
  shapes: Shapes,
  view: View,
  value: unknown,
  name: string,
  tokens: Tokens,
  above: ReadonlyArray<Shape["fields"]>,
  each: (name: string, tokens: Tokens, view: View) => void,
): void => {
  // a schema that contains itself is followed as far as the document goes
  if (!isObject(value) && view.some((shape) => above.includes(shape.fields))) return
  const keys = new Set<string>()
  for (const shape of view) {
    if (!shape.encoded) continue
    for (const key of shape.fields.keys()) keys.add(key)
    if (shape.rest.length > 0 && isObject(value)) for (const key of keysOf(value)) keys.add(key)
  }
  if (keys.size === 0) return
  const path = [...above, ...view.map((shape) => shape.fields).filter((fields) => fields.size > 0)]
  for (const key of keys) {
    const inner = shapes.step(view, key)
    if (inner.length === 0) continue
    const innerName = `${name}_${snake(key)}`
    const innerTokens = [...tokens, key]
    each(innerName, innerTokens, inner)
    const child = lookup(value, [key])
    visit(shapes, inner, child, innerName, innerTokens, path, each)
  }
}

/** Text where the document would have a string; JSON where it would have anything else. */
const readVariable = ({ name, text, tokens, view }: Found, findings: Findings): unknown => {
  const scalars = view.filter((shape) => shape.encoded).map((shape) => shape.scalar)
  const textual = scalars.includes("string")
  if (textual && !scalars.includes("other")) return text
  const check = { faulty: false }
  try {
    const value = adopt(JSON.parse(text), absent, tokens.length, check)
    if (!check.faulty) return value
  } catch {
    // not JSON: said below
  }
  if (textual && !check.faulty) return text
  const message = `environment variable ${name} must hold JSON (a number, true, false, null, an object or an array): correct or unset it`
  findings.add({ by: "schema", path: tokens, message, at: "nowhere" })
  return absent
}

export const runtimeOverrides = (edits: ReadonlyArray<RuntimeEdit>, findings: Findings): ReadonlyArray<Override> => {
  const overrides: Array<Override> = []
  for (const edit of edits) {
    const tokens = parsePointer(edit.path)
    const name = "the value set at run time"
    if (tokens === undefined || tokens.length === 0) {
      const message = "a value set at run time needs a path like /key/key"
      findings.add({ by: "schema", path: tokens ?? [], message, at: "nowhere" })
      continue
    }
    const check = { faulty: false }
    const value = "remove" in edit ? absent : adopt(copyOf(edit.value), absent, tokens.length, check)
    if (check.faulty || value === undefined) {
      findings.add({ by: "schema", path: tokens, message: `${name} is not JSON: set plain data`, at: "nowhere" })
      continue
    }
    overrides.push({ tokens, value, by: "runtime", name })
  }
  return overrides
}

/** A copy that may be frozen; `undefined` for what JSON cannot say. */
const copyOf = (value: unknown): unknown => {
  try {
    const text = JSON.stringify(value) as string | undefined
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

/** The document under its overrides. Shares with `before` (an earlier result) what is equal. */
export const applyOverrides = (
  document: unknown,
  overrides: ReadonlyArray<Override>,
  before: unknown,
  findings: Findings,
): unknown => {
  let value = document
  for (const override of overrides) {
    const next = replaceAt(value, override.tokens, override.value)
    if (next !== absent) value = next
    else if (override.by === "runtime") {
      const message = `${override.name} has no place: the document has no object there`
      findings.add({ by: "schema", path: override.tokens, message, at: "nowhere" })
    }
  }
  for (const { tokens } of overrides) value = rejoin(before, value, tokens, 0)
  return value
}

/** Copies made along a path are new objects even where nothing differs: takes the earlier ones instead. */
const rejoin = (before: unknown, next: unknown, tokens: Tokens, depth: number): unknown => {
  if (Object.is(before, next) || depth === tokens.length) return reuse(before, next)
  if (!isObject(before) || !isObject(next)) return next
  const key = tokens[depth]!
  if (!Object.hasOwn(next, key) || !Object.hasOwn(before, key)) return next
  const inner = rejoin(before[key], next[key], tokens, depth + 1)
  const joined = Object.is(inner, next[key]) ? next : (replaceAt(next, [key], inner) as typeof next)
  const keys = keysOf(joined)
  const others = keysOf(before)
  const same =
    keys.length === others.length &&
    keys.every((name, index) => name === others[index] && Object.is(joined[name], before[name]))
  return same ? before : joined
}

/** The override that decides a path: one at the path or above it. The last one counts. */
export const decisive = (overrides: ReadonlyArray<Override>, tokens: Tokens): Override | undefined =>
  overrides.findLast(
    (override) =>
      override.tokens.length <= tokens.length && override.tokens.every((token, index) => token === tokens[index]),
  )

/** Whether a layer above the document says something at, above or below a path, given the value to be written there. */
export const hides = (
  shapes: Shapes,
  prefix: string | undefined,
  environment: Environment | undefined,
  runtime: ReadonlyArray<Override>,
  tokens: Tokens,
  value: unknown,
): boolean => {
  const touches = (other: Tokens): boolean =>
    tokens.every((token, index) => index >= other.length || token === other[index])
  if (runtime.some((override) => touches(override.tokens))) return true
  if (prefix === undefined || environment === undefined) return false
  let name = prefix
  let view = shapes.root
  for (const token of tokens) {
    view = shapes.step(view, token)
    name = `${name}_${snake(token)}`
    if (view.length > 0 && environment(name) !== undefined) return true
  }
  let found = false
  visit(shapes, view, value, name, tokens, [], (inner) => {
    if (environment(inner) !== undefined) found = true
  })
  return found
}
