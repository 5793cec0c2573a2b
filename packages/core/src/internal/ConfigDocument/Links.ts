/**
 * The steps (links) of a schema's encoding, from the document's form to the decoded one. Most of them fill in a default or rename keys, so
 * that the parts can be decoded one by one. A step is tried on an example when a schema is compiled, and verified on every real value.
 */
import { Effect, Exit, Option, SchemaAST, SchemaGetter } from "effect"
import { absent, freeze, isObject, type PlainObject, put } from "../Json.ts"

/** Decodes a value, or `absent`, through a link; `undefined` where it fails, dies, or leaves nothing. */
export const runLink = ({ transformation }: SchemaAST.Link, input: unknown): unknown => {
  if (transformation._tag === "Middleware") return undefined
  const getter = transformation.decode as SchemaGetter.Getter<unknown, unknown>
  try {
    if (getter._tag === "Transform" && input !== absent) return getter.transform(input)
    const result = SchemaGetter.run(getter, input === absent ? Option.none() : Option.some(input), {})
    // Most steps need no fiber, and this runs for every value.
    const exit = Exit.isExit(result) ? result : Effect.runSyncExit(result)
    return exit._tag === "Success" ? Option.getOrUndefined(exit.value as Option.Option<unknown>) : undefined
  } catch {
    return undefined
  }
}

/** The default that a schema declares for an absent key. */
export const defaultOf = (ast: SchemaAST.AST): unknown => {
  const outermost = ast.encoding?.at(-1)
  return outermost && runLink(outermost, absent)
}

/** Decoded name → key in the document. Empty for a link that keeps the keys, and `undefined` for one that does more to an object. */
export type KeyMapping = ReadonlyMap<string, string> | undefined

const mappings = new WeakMap<SchemaAST.Link, { readonly mapping: KeyMapping }>()

export const mappingOf = (link: SchemaAST.Link): KeyMapping => {
  const known = mappings.get(link) ?? { mapping: probe(link) }
  mappings.set(link, known)
  return known.mapping
}

/** Decodes an example whose members can be told apart. */
const probe = (link: SchemaAST.Link): KeyMapping => {
  const example: Record<string, unknown> = {}
  const keys = new Map<unknown, string>()
  for (const { name } of SchemaAST.isObjects(link.to) ? link.to.propertySignatures : []) {
    if (typeof name === "symbol") return undefined
    const mark = {}
    keys.set(mark, String(name))
    put(example, String(name), mark)
  }
  const result = runLink(link, example)
  const names = new Map<string, string>()
  if (result === example) return names
  if (!isObject(result)) return undefined
  for (const name of Object.keys(result)) {
    const key = keys.get(result[name])
    if (key === undefined) return undefined
    names.set(name, key)
  }
  return names.size > 0 && names.size === keys.size ? names : undefined
}

/** The node without its last `count` links. Effect has this function, but does not export it. */
export const withoutLinks = (ast: SchemaAST.AST, count: number): SchemaAST.AST => {
  const links = ast.encoding?.slice(0, ast.encoding.length - count) ?? []
  return Object.assign(Object.create(Object.getPrototypeOf(ast) as object), ast, {
    encoding: links.length === 0 ? undefined : links,
  }) as SchemaAST.AST
}

/** An encoding that omits defaults would hide the values in force, so they do not belong to the effective value. */
export const withoutDefaults = (ast: SchemaAST.AST): SchemaAST.AST => {
  const links = ast.encoding ?? []
  return withoutLinks(ast, links.length - 1 - links.findLastIndex((link) => mappingOf(link)?.size !== 0))
}

/** The way of a value through all links of an object schema. */
export interface Passage {
  /** Decoded name → key in the document, where keys are renamed. */
  readonly names: ReadonlyMap<string, string> | undefined
  /** The object whose members are decoded one by one, in the document's form. `undefined` where a link does more to a value than to its example. */
  readonly pass: (input: unknown) => unknown
}

/** `undefined` where a link does more than fill in a default, or rename keys once. */
export const passageOf = (ast: SchemaAST.AST): Passage | undefined => {
  const links = ast.encoding?.toReversed() ?? []
  const steps: Array<Passage["pass"]> = []
  let names: ReadonlyMap<string, string> | undefined
  for (const [index, link] of links.entries()) {
    const mapping = mappingOf(link)
    if (mapping === undefined || names !== undefined) return undefined
    if (mapping.size > 0) names = mapping
    if (!validatesNothingElse(link.to, withoutLinks(ast, index + 1), names)) return undefined
    steps.push(names === undefined ? (value) => handOn(link, value) : renaming(link, names))
  }
  const pass = (input: unknown): unknown => {
    let value = input
    for (const step of steps) if (value !== undefined) value = step(value)
    return value
  }
  return { names, pass }
}

const handOn = (link: SchemaAST.Link, value: unknown): unknown => {
  const result = runLink(link, value)
  return value === absent ? freeze(result) : result === value ? value : undefined
}

const renaming = (link: SchemaAST.Link, names: ReadonlyMap<string, string>): Passage["pass"] => {
  const members = [...names]
  const keys = new Set(names.values())
  return (value) => {
    if (!isObject(value)) return undefined
    const known = only(keys, value)
    const result = runLink(link, known)
    if (!isObject(result) || Object.keys(result).length !== Object.keys(known).length) return undefined
    for (const [name, key] of members) if (result[name] !== known[key]) return undefined
    return value
  }
}

/** Schema drops unknown keys before it renames the others. */
const only = (keys: ReadonlySet<string>, value: PlainObject): PlainObject => {
  const all = Object.keys(value)
  return all.every((key) => keys.has(key))
    ? value
    : Object.fromEntries(all.flatMap((key) => (keys.has(key) ? [[key, value[key]]] : [])))
}

/** Whether the source of a link validates only what the rest of the schema validates anyway, so that it need not be run. */
const validatesNothingElse = (
  to: SchemaAST.AST,
  rest: SchemaAST.AST,
  names: ReadonlyMap<string, string> | undefined,
): boolean => {
  const expected = SchemaAST.toEncoded(rest)
  if (!SchemaAST.isObjects(to) || !SchemaAST.isObjects(expected)) return false
  if (to.encoding !== undefined || to.encodingChecks !== undefined || expected.encodingChecks !== undefined)
    return false
  // A record has the same keys before and after decoding, so its own checks cover those of its source.
  const isRecord = to.propertySignatures.length === 0 && names === undefined
  const covered = isRecord ? new Set<unknown>(rest.checks) : new Set<unknown>()
  if ([...(to.checks ?? []), ...(expected.checks ?? [])].some((check) => !covered.has(check))) return false
  const types = new Map(to.propertySignatures.map((field) => [field.name, field.type]))
  return (
    types.size === expected.propertySignatures.length &&
    expected.propertySignatures.every(({ name, type }) => types.get(names?.get(String(name)) ?? name) === type) &&
    to.indexSignatures.length === expected.indexSignatures.length &&
    expected.indexSignatures.every(
      ({ parameter, type }, index) =>
        to.indexSignatures[index]?.parameter === parameter && to.indexSignatures[index]?.type === type,
    )
  )
}

/** Whether the default of a schema is the same value each time. */
export const hasConstantDefault = (ast: SchemaAST.AST): boolean => {
  const value = defaultOf(ast)
  return value !== undefined && Object.is(value, defaultOf(ast))
}

type Accept = (value: unknown) => boolean

/**
 * A quick test whether a schema decodes a value to itself and encodes it so: scalars and arrays of them. It may be false where the schema
 * accepts the value. `undefined` if there is no such test. Schema itself costs ten times as much at the first load of many models.
 */
export const acceptorOf = (ast: SchemaAST.AST): Accept | undefined => {
  const ofType = typeTest(ast)
  const links = ast.encoding ?? []
  const filters = (ast.checks ?? []).flatMap((check) => (check._tag === "Filter" ? [check] : []))
  if (ofType === undefined || filters.length < (ast.checks?.length ?? 0)) return undefined
  if (!links.every(encodesNothing)) return undefined
  let last: unknown = absent
  return (value) => {
    if (Object.is(value, last)) return value !== absent
    try {
      const passes =
        ofType(value) &&
        filters.every((filter) => filter.run(value, ast, {}) === undefined) &&
        links.every((link) => Object.is(runLink(link, value), value))
      if (passes) last = value
      return passes
    } catch {
      return false
    }
  }
}

const encodesNothing = ({ transformation }: SchemaAST.Link): boolean =>
  transformation._tag === "Transformation" && transformation.encode._tag === "Passthrough"

const typeTest = (ast: SchemaAST.AST): Accept | undefined => {
  switch (ast._tag) {
    case "String":
      return (value) => typeof value === "string"
    case "Number":
      return (value) => typeof value === "number"
    case "Boolean":
      return (value) => typeof value === "boolean"
    case "Literal":
      return (value) => Object.is(value, ast.literal)
    case "Arrays": {
      const [element, ...others] = ast.rest.map(acceptorOf)
      if (element === undefined || others.length > 0 || ast.elements.length > 0) return undefined
      return (value) => Array.isArray(value) && value.every(element)
    }
    default:
      return undefined
  }
}
