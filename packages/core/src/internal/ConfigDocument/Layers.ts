/**
 * The layers above the document: environment variables, then values set at run time. A variable's name is the prefix and the path's keys in
 * upper snake case. Keys of records count where the document has them. A name that fits several paths sets none of them and is reported.
 */
import { parsePointer, pointer, type Tokens } from "../../JsonPointer.ts"
import { absent, isObject, maxDepth, member, put, replaceAt } from "../Json.ts"
import { adopt, type Inspection, membersOf } from "../StructuralSharing.ts"
import type { ProblemList } from "./Problems.ts"
import type { Shape, Shapes, View } from "./Shape.ts"
import type { Edit } from "./Types.ts"

export interface Override {
  readonly tokens: Tokens
  /** `absent` removes. */
  readonly value: unknown
  readonly by: "environment" | "runtime"
  /** How messages call it. */
  readonly name: string
}

type Environment = (name: string) => string | undefined

/** `eventsDays`, `events_days` and `events.days` all become `EVENTS_DAYS`. */
const snake = (key: string): string =>
  key
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toUpperCase()

/** A variable that is set, and a path that its name fits. */
interface Variable {
  readonly name: string
  readonly tokens: Tokens
  readonly text: string
  readonly view: View
}

/** The variables that are set for the paths of one document. */
export interface EnvironmentReading {
  readonly environment: Environment
  readonly document: unknown
  readonly variables: ReadonlyArray<Variable>
}

/**
 * Looks up a variable for every path of the schema and of the document's records. With an earlier reading of the same environment, only
 * for the parts of the document that have changed since.
 */
export const readEnvironment = (
  shapes: Shapes,
  prefix: string,
  environment: Environment,
  document: unknown,
  earlier: EnvironmentReading | undefined,
  mayHave: (prefix: string) => boolean = () => true,
): EnvironmentReading => {
  const known = earlier?.environment === environment ? earlier : undefined
  if (known !== undefined && Object.is(known.document, document)) return known
  const variables: Array<Variable> = []
  const readAgain = new Set<string>()
  const before = known === undefined ? unknownValue : known.document
  visitNames(shapes, { view: shapes.root, value: document, before, name: prefix, tokens: [] }, mayHave, (named) => {
    const { name, tokens, view } = named
    if (known !== undefined) readAgain.add(pointer(tokens))
    const text = environment(name)
    if (text !== undefined) variables.push({ name, tokens: [...tokens], text, view })
  })
  for (const variable of known?.variables ?? []) {
    if (!readAgain.has(pointer(variable.tokens)) && isNamed(shapes, document, variable.tokens)) variables.push(variable)
  }
  return { environment, document, variables }
}

/** The values of all variables that are set, shallow paths first. */
export const environmentOverrides = (
  { variables }: EnvironmentReading,
  problems: ProblemList,
  warnings: ProblemList,
): ReadonlyArray<Override> => {
  const overrides: Array<Override> = []
  for (const [name, fitting] of Map.groupBy(variables, (variable) => variable.name)) {
    const [first, ...others] = fitting
    if (first === undefined) continue
    if (others.length > 0) {
      const paths = fitting.map(({ tokens }) => pointer(tokens)).sort()
      const shown = paths.length > maxShown ? [...paths.slice(0, maxShown), `${paths.length - maxShown} more`] : paths
      const message = `environment variable ${name} fits ${shown.join(" and ")}: it is ignored, set the value in the document`
      warnings.add({ by: "schema", path: [], message, at: "nowhere" })
      continue
    }
    const value = valueOf(first, problems)
    if (value === absent) continue
    overrides.push({ tokens: first.tokens, value, by: "environment", name: `environment variable ${name}` })
  }
  return overrides.sort((left, right) => left.tokens.length - right.tokens.length || (left.name < right.name ? -1 : 1))
}

const maxShown = 8

/** A place in the document whose paths have names. */
interface Named {
  readonly view: View
  readonly value: unknown
  /** The value at the same path in the document of an earlier reading. */
  readonly before: unknown
  readonly name: string
  /** Changes with the next visit. */
  readonly tokens: Array<string>
}

const unknownValue = Symbol("unknown")

interface Names {
  /** Declared keys, and what they add to a variable's name. */
  readonly suffixes: ReadonlyMap<string, string>
  readonly isRecord: boolean
}

const namesOfViews = new WeakMap<View, Names>()

const namesOf = (view: View): Names => {
  const known = namesOfViews.get(view)
  if (known !== undefined) return known
  const encoded = view.filter((shape) => shape.encoded)
  const suffixes = new Map(encoded.flatMap(({ fields }) => [...fields.keys()].map((key) => [key, `_${snake(key)}`])))
  const names = { suffixes, isRecord: encoded.some((shape) => shape.rest.length > 0) }
  namesOfViews.set(view, names)
  return names
}

/** Visits the paths below `root` whose value differs from `before`, and for which a variable may exist. */
const visitNames = (
  shapes: Shapes,
  root: Named,
  mayHave: (prefix: string) => boolean,
  each: (named: Named) => void,
): void => {
  const above: Array<Shape["fields"]> = []
  const visit = ({ before, name, tokens, value, view }: Named): void => {
    const { isRecord, suffixes } = namesOf(view)
    if ((suffixes.size === 0 && !isRecord) || !mayHave(`${name}_`)) return
    // A schema that contains itself is followed as far as the document goes.
    if (!isObject(value) && view.some((shape) => above.includes(shape.fields))) return
    const depth = above.length
    for (const { fields } of view) if (fields.size > 0) above.push(fields)
    const enter = (key: string, suffix: string, inner: unknown, was: unknown): void => {
      const innerView = shapes.step(view, key)
      if (innerView.length === 0) return
      tokens.push(key)
      const named = { view: innerView, value: inner, before: was, name: name + suffix, tokens }
      each(named)
      visit(named)
      tokens.pop()
    }
    for (const [key, suffix] of suffixes) {
      const inner = member(value, key)
      const was = before === unknownValue ? before : member(before, key)
      if (!Object.is(inner, was)) enter(key, suffix, inner, was)
    }
    if (isObject(value) && isRecord) {
      const { keys, values } = membersOf(value)
      const known = isObject(before) ? membersOf(before) : undefined
      for (let index = 0; index < keys.length; index++) {
        const key = keys[index]!
        if (known?.keys[index] === key && Object.is(known.values[index], values[index])) continue
        if (suffixes.has(key)) continue
        const was = member(before, key)
        if (Object.is(values[index], was)) continue
        // A new key brings new names, for everything below it.
        enter(key, `_${snake(key)}`, values[index], was === absent ? unknownValue : was)
      }
    }
    above.length = depth
  }
  visit(root)
}

/** Whether a path has a name: keys of records have one only while the document has them. */
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

/** Text where the document would have a string, JSON where it would have anything else. */
const valueOf = ({ name, text, tokens, view }: Variable, problems: ProblemList): unknown => {
  const scalars = view.filter((shape) => shape.encoded).map((shape) => shape.scalar)
  const isTextual = scalars.includes("string")
  if (isTextual && !scalars.includes("other")) return text
  const inspection: Inspection = { isFaulty: false }
  try {
    const value = adopt(absent, JSON.parse(text), inspection)
    if (!inspection.isFaulty) return value
  } catch {
    // It is not JSON, which is reported below.
  }
  if (isTextual && !inspection.isFaulty) return text
  const message = `environment variable ${name} must hold JSON (a number, true, false, null, an object or an array): correct or unset it`
  problems.add({ by: "schema", path: tokens, message, at: "nowhere" })
  return absent
}

export const runtimeOverrides = (edits: ReadonlyArray<Edit>, problems: ProblemList): ReadonlyArray<Override> => {
  const overrides: Array<Override> = []
  for (const edit of edits) {
    const tokens = parsePointer(edit.path)
    const name = "the value set at run time"
    if (tokens === undefined || tokens.length === 0) {
      const message = "a value set at run time needs a path like /key/key"
      problems.add({ by: "schema", path: tokens ?? [], message, at: "nowhere" })
      continue
    }
    const isTooDeep = tokens.length > maxDepth
    if (isTooDeep || tokens.includes("__proto__")) {
      const message = isTooDeep
        ? `nested deeper than ${maxDepth} levels: make it flatter`
        : "the key __proto__ is not allowed: choose another"
      problems.add({ by: "schema", path: tokens.slice(0, maxDepth), message, at: "nowhere" })
      continue
    }
    const inspection: Inspection = { isFaulty: false }
    const value = "remove" in edit ? absent : adopt(absent, copyOf(edit.value), inspection)
    if (inspection.isFaulty || value === undefined) {
      problems.add({ by: "schema", path: tokens, message: `${name} is not JSON: set plain data`, at: "nowhere" })
      continue
    }
    overrides.push({ tokens, value, by: "runtime", name })
  }
  return overrides
}

/** Copies a value, so that the copy may be frozen. `undefined` for a value that JSON cannot express. */
const copyOf = (value: unknown): unknown => {
  try {
    const text = JSON.stringify(value) as string | undefined
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

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

/** The override that decides a path: the last one at the path or above it. */
export const decisive = (overrides: ReadonlyArray<Override>, tokens: Tokens): Override | undefined =>
  overrides.findLast(
    (override) =>
      override.tokens.length <= tokens.length && override.tokens.every((token, index) => token === tokens[index]),
  )

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

/** Whether a layer above the document sets something at, above or below a path, where `value` is to be written. */
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
  let isSet = false
  visitNames(
    shapes,
    { view, value, before: unknownValue, name, tokens: [...tokens] },
    () => true,
    (named) => {
      if (environment(named.name) !== undefined) isSet = true
    },
  )
  return isSet
}
