/**
 * The steps (links) of a schema's encoding, from the document's form to the decoded one. Most of them fill in a default or rename keys, so
 * that the parts can be decoded one by one. A step is tried on an example when a schema is compiled, and verified on every real value.
 */
import { Effect, Option, SchemaAST, SchemaGetter } from "effect"
import { absent, freeze, isObject, put } from "../Json.ts"

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
  const exit = Effect.runSyncExit(
    Effect.suspend(() => SchemaGetter.run(transformation.decode as SchemaGetter.Getter<unknown, unknown>, input, {})),
  )
  return exit._tag === "Success" ? exit.value : undefined
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

type Encode = (output: unknown) => unknown

const same: Encode = (output) => output

/**
 * Encodes what decoding only renamed and filled in. It returns what the schema would encode, for a fraction of the cost. `undefined` where
 * an encoding step may change a value.
 */
export const renamingEncoder = (ast: SchemaAST.AST): Encode | undefined => {
  let names: ReadonlyMap<string, string> | undefined
  for (const link of ast.encoding ?? []) {
    const mapping = mappingOf(link)
    if (mapping._tag === "Renamed" && names === undefined) names = mapping.names
    else if (!isDefault(link)) return undefined
  }
  switch (ast._tag) {
    case "String":
    case "Number":
    case "Boolean":
    case "Null":
    case "Literal":
      return same
    case "Union":
      return ast.types.every(isSame) ? same : undefined
    case "Arrays":
      return [...ast.elements, ...ast.rest].every(isSame) ? same : undefined
    case "Objects":
      return ofObjects(ast, names)
    default:
      return undefined
  }
}

const isSame = (ast: SchemaAST.AST): boolean => renamingEncoder(ast) === same

const ofObjects = (ast: SchemaAST.Objects, names: ReadonlyMap<string, string> | undefined): Encode | undefined => {
  const fields = ast.propertySignatures.map(({ name, type }) => ({
    name: String(name),
    key: names?.get(String(name)) ?? String(name),
    encode: typeof name === "symbol" ? undefined : renamingEncoder(type),
  }))
  const keepsNames = fields.every(({ encode, key, name }) => encode === same && key === name)
  if (keepsNames && ast.indexSignatures.every(({ type }) => isSame(type))) return same
  if (ast.indexSignatures.length > 0 || fields.some(({ encode }) => encode === undefined)) return undefined
  return (output) => {
    if (!isObject(output)) return output
    const encoded: Record<string, unknown> = {}
    for (const { encode, key, name } of fields)
      if (Object.hasOwn(output, name)) put(encoded, key, encode!(output[name]))
    return encoded
  }
}

/** Whether a link only fills in a default, which decodes to itself. */
const isDefault = (link: SchemaAST.Link): boolean => {
  const { transformation } = link
  if (transformation._tag !== "Transformation" || transformation.encode._tag !== "Passthrough") return false
  const filled = Option.getOrUndefined(runLink(link, Option.none()) ?? Option.none())
  return filled === undefined || Option.getOrUndefined(runLink(link, Option.some(filled)) ?? Option.none()) === filled
}

/** Whether an encoded value has everything that the input has among its keys, and more only where defaults were filled in. */
export const fillsIn = (encoded: unknown, input: unknown): boolean => {
  if (Array.isArray(encoded)) {
    return (
      Array.isArray(input) &&
      encoded.length === input.length &&
      encoded.every((element, index) => fillsIn(element, input[index]))
    )
  }
  if (!isObject(encoded) || !isObject(input)) return Object.is(encoded, input)
  return Object.keys(encoded).every((key) => !Object.hasOwn(input, key) || fillsIn(encoded[key], input[key]))
}
