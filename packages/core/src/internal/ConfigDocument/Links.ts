/**
 * The steps (links) of a schema's encoding, from the document's form to the decoded one. Most of them fill in a default or rename keys, so
 * that the parts can be decoded one by one. A step is tried on an example when a schema is compiled, and verified on every real value.
 */
import { Effect, Exit, Option, SchemaAST, SchemaGetter } from "effect"
import { absent, freeze, isObject } from "../Json.ts"

/** What a link does to the keys of an object. */
export type KeyMapping =
  | { readonly _tag: "Same" }
  /** Decoded name → key in the document. */
  | { readonly _tag: "Renamed"; readonly names: ReadonlyMap<string, string> }
  | { readonly _tag: "Opaque" }

const opaque: KeyMapping = { _tag: "Opaque" }

/** Runs the decoding half of a link; `undefined` where it fails or dies. */
export const runLink = (link: SchemaAST.Link, input: Option.Option<unknown>): Option.Option<unknown> | undefined => {
  const transformation = link.transformation
  if (transformation._tag === "Middleware") return undefined
  try {
    const result = SchemaGetter.run(transformation.decode as SchemaGetter.Getter<unknown, unknown>, input, {})
    // Most steps need no fiber, and this runs for every value.
    const exit = Exit.isExit(result) ? result : Effect.runSyncExit(result)
    return exit._tag === "Success" ? (exit.value as Option.Option<unknown>) : undefined
  } catch {
    return undefined
  }
}

const mappings = new WeakMap<SchemaAST.Link, KeyMapping>()

export const mappingOf = (link: SchemaAST.Link): KeyMapping => {
  const known = mappings.get(link) ?? probe(link)
  mappings.set(link, known)
  return known
}

/** Decodes an example whose members can be told apart. */
const probe = (link: SchemaAST.Link): KeyMapping => {
  const example: Record<string, unknown> = {}
  const keys = new Map<unknown, string>()
  if (SchemaAST.isObjects(link.to)) {
    for (const { name } of link.to.propertySignatures) {
      if (typeof name === "symbol") return opaque
      const mark = {}
      keys.set(mark, String(name))
      Object.defineProperty(example, String(name), { value: mark, enumerable: true })
    }
  }
  const result = Option.getOrUndefined(runLink(link, Option.some(example)) ?? Option.none())
  if (result === example) return { _tag: "Same" }
  if (!isObject(result)) return opaque
  const names = new Map<string, string>()
  for (const name of Object.keys(result)) {
    const key = keys.get(result[name])
    if (key === undefined) return opaque
    names.set(name, key)
  }
  return names.size === keys.size ? { _tag: "Renamed", names } : opaque
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
  let count = 0
  while (count < links.length && mappingOf(links[links.length - 1 - count]!)._tag === "Same") count++
  return withoutLinks(ast, count)
}

/** Whether the source of a link validates only what the rest of the schema validates anyway, so that it need not be run. */
export const validatesNothingElse = (
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

/** Returns the value that the members are decoded from, or `undefined` where a link does more to this value than it did to its example. */
export const throughLinks = (
  links: ReadonlyArray<SchemaAST.Link>,
  names: ReadonlyMap<string, string> | undefined,
  input: unknown,
): unknown => {
  let value = input
  for (const link of links.toReversed()) {
    if (mappingOf(link)._tag === "Renamed") {
      if (!renames(link, names ?? new Map(), value)) return undefined
      continue
    }
    const result = runLink(link, value === absent ? Option.none() : Option.some(value))
    if (result === undefined || Option.isNone(result)) return undefined
    if (value !== absent && result.value !== value) return undefined
    value = value === absent ? freeze(result.value) : value
  }
  return value
}

const renames = (link: SchemaAST.Link, names: ReadonlyMap<string, string>, value: unknown): boolean => {
  if (!isObject(value)) return false
  const known: Record<string, unknown> = {}
  for (const key of names.values()) if (Object.hasOwn(value, key)) known[key] = value[key]
  const result = Option.getOrUndefined(runLink(link, Option.some(known)) ?? Option.none())
  if (!isObject(result) || Object.keys(result).length !== Object.keys(known).length) return false
  for (const [name, key] of names) {
    if (Object.hasOwn(known, key) ? result[name] !== known[key] : Object.hasOwn(result, name)) return false
  }
  return true
}

/** Whether the default of a link is the same value each time. */
export const hasConstantDefault = (link: SchemaAST.Link | undefined): boolean => {
  const [first, second] = [0, 1].map(() => link && runLink(link, Option.none()))
  return first !== undefined && second !== undefined && Option.isSome(first) && Option.isSome(second)
    ? Object.is(first.value, second.value)
    : false
}

type Accept = (value: unknown) => boolean

/**
 * A quick test whether a schema decodes a value to itself and encodes it so: scalars and arrays of them. It may be false where the schema
 * accepts the value. `undefined` where there is no such test. Schema itself costs ten times as much at the first load of many models.
 */
export const acceptorOf = (ast: SchemaAST.AST): Accept | undefined => {
  const ofType = typeTest(ast)
  const links = ast.encoding ?? []
  const filters = (ast.checks ?? []).flatMap((check) => (check._tag === "Filter" ? [check] : []))
  if (ofType === undefined || filters.length < (ast.checks?.length ?? 0)) return undefined
  if (!links.every(encodesNothing)) return undefined
  const handsOn = (link: SchemaAST.Link, value: unknown): boolean => {
    const result = runLink(link, Option.some(value))
    return result !== undefined && Option.isSome(result) && Object.is(result.value, value)
  }
  return (value) => {
    try {
      const passes = ofType(value) && filters.every((filter) => filter.run(value, ast, {}) === undefined)
      return passes && links.every((link) => handsOn(link, value))
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
