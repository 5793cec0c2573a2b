/**
 * What stands above the document: environment variables, then values set at run time. A variable's name is the prefix and the path's keys in upper
 * snake case; keys of records count where the document has them. A name that fits several paths sets none of them and is said.
 */

import { parsePointer, pointer, type Tokens } from "../../JsonPointer.ts"
import { absent, adopt, isObject, keysOf, member, put, replaceAt, reuse } from "../Json.ts"
import type { Findings } from "./Problems.ts"
import type { Shape, Shapes, View } from "./Shape.ts"
import type { Source } from "./Source.ts"

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

/** What the environment answered to one document. */
export interface Asked {
  readonly environment: Environment
  readonly document: Source
  readonly found: ReadonlyArray<Found>
}

/**
 * Asks for every path of the schema and of the document's records. With an earlier answer of the same environment, only for what has changed in
 * the document since.
 */
export const ask = (
  shapes: Shapes,
  prefix: string,
  environment: Environment,
  document: Source,
  earlier: Asked | undefined,
): Asked => {
  const known = earlier?.environment === environment ? earlier : undefined
  if (known !== undefined && known.document === document) return known
  const { value } = document
  const found: Array<Found> = []
  const again = new Set<string>()
  const place: Place = {
    view: shapes.root,
    value,
    before: known?.document.value ?? unknownBefore,
    name: prefix,
    tokens: [],
  }
  visit(shapes, place, [], ({ name, tokens, view }) => {
    if (known !== undefined) again.add(pointer(tokens))
    const text = environment(name)
    if (text !== undefined) found.push({ name, tokens, text, view })
  })
  for (const old of known?.found ?? []) {
    if (!again.has(pointer(old.tokens)) && isNamed(shapes, value, old.tokens)) found.push(old)
  }
  return { environment, document, found }
}

/** Whether a value that takes the place of another brings variables with it that are set. */
export const hasNewNames = (
  shapes: Shapes,
  prefix: string,
  { environment }: Asked,
  tokens: Tokens,
  value: unknown,
): boolean => {
  const name = [prefix, ...tokens.map(snake)].join("_")
  let found = false
  visit(shapes, { view: shapes.at(tokens), value, before: unknownBefore, name, tokens }, [], (place) => {
    if (environment(place.name) !== undefined) found = true
  })
  return found
}

/** Every variable that is set, shallow paths first. */
export const environmentOverrides = (
  { found }: Asked,
  findings: Findings,
  warnings: Findings,
): ReadonlyArray<Override> => {
  const names = new Map<string, Array<Found>>()
  for (const place of found) names.set(place.name, [...(names.get(place.name) ?? []), place])
  const overrides: Array<Override> = []
  for (const [name, places] of names) {
    const [first, ...others] = places
    if (first === undefined) continue
    if (others.length > 0) {
      const paths = places.map(({ tokens }) => pointer(tokens)).sort()
      const message = `environment variable ${name} fits ${paths.join(" and ")}: it is ignored, set the value in the document`
      warnings.add({ by: "schema", path: [], message, at: "nowhere" })
      continue
    }
    const value = readVariable(first, findings)
    if (value === absent) continue
    overrides.push({ tokens: first.tokens, value, by: "environment", name: `environment variable ${name}` })
  }
  return overrides.sort((left, right) => left.tokens.length - right.tokens.length || (left.name < right.name ? -1 : 1))
}

interface Place {
  readonly view: View
  readonly value: unknown
  /** The same place in the document that was asked for before. */
  readonly before: unknown
  readonly name: string
  readonly tokens: Tokens
}

const unknownBefore = Symbol("unknown")

const visit = (
  shapes: Shapes,
  { before, name, tokens, value, view }: Place,
  above: ReadonlyArray<Shape["fields"]>,
  each: (place: Place) => void,
): void => {
  // a schema that contains itself is followed as far as the document goes
  if (!isObject(value) && view.some((shape) => above.includes(shape.fields))) return
  const encoded = view.filter((shape) => shape.encoded)
  const fields = new Set(encoded.flatMap((shape) => [...shape.fields.keys()]))
  const path = [...above, ...view.map((shape) => shape.fields).filter((names) => names.size > 0)]
  const enter = (key: string, inner: unknown, innerBefore: unknown): void => {
    const innerView = shapes.step(view, key)
    if (innerView.length === 0) return
    const place = {
      view: innerView,
      value: inner,
      before: innerBefore,
      name: `${name}_${snake(key)}`,
      tokens: [...tokens, key],
    }
    each(place)
    visit(shapes, place, path, each)
  }
  const fresh = before === unknownBefore
  for (const key of fields) {
    const inner = member(value, key)
    const innerBefore = fresh ? unknownBefore : member(before, key)
    if (fresh || !Object.is(inner, innerBefore)) enter(key, inner, innerBefore)
  }
  if (!isObject(value) || !encoded.some((shape) => shape.rest.length > 0)) return
  const source = isObject(before) ? before : undefined
  for (const key of keysOf(value)) {
    if (fields.has(key)) continue
    const there = source !== undefined && Object.hasOwn(source, key)
    if (there && Object.is(value[key], source[key])) continue
    // a new key makes new names, of whatever may stand below it
    enter(key, value[key], there ? source[key] : unknownBefore)
  }
}

/** Whether a path still has a name: keys of records have one only while they stand in the document. */
const isNamed = (shapes: Shapes, document: unknown, tokens: Tokens): boolean => {
  let view = shapes.root
  let value = document
  for (const token of tokens) {
    const declared = view.some((shape) => shape.encoded && shape.fields.has(token))
    value = member(value, token)
    if (!declared && value === absent) return false
    view = shapes.step(view, token)
  }
  return true
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

/**
 * The document where it says something, and what stands above it for the rest: what would be in force if nothing hid a part of it. `layered`
 * itself where nothing does.
 */
export const unhidden = (document: unknown, layered: unknown): unknown => {
  if (Object.is(document, layered) || !isObject(document) || !isObject(layered)) return document
  const filled: Record<string, unknown> = {}
  let same = true
  for (const key of new Set([...keysOf(layered), ...keysOf(document)])) {
    const above = member(layered, key)
    const inner = Object.hasOwn(document, key) ? unhidden(document[key], above) : above
    put(filled, key, inner)
    same &&= Object.is(inner, above)
  }
  return same ? layered : Object.freeze(filled)
}

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
  visit(shapes, { view, value, before: unknownBefore, name, tokens }, [], (inner) => {
    if (environment(inner.name) !== undefined) found = true
  })
  return found
}
