/**
 * The steps of an encoding, from the document's form to the decoded one. Most of them hand on what is there (defaults) or only rename keys: those
 * can be followed member by member. What a step does is asked by example when a schema is compiled, and verified on every real value.
 */
import { Effect, Option, SchemaAST, SchemaGetter } from "effect"
import { absent, freeze, isObject } from "../Json.ts"

/** What one step of an encoding does to keys; `opaque` where it cannot be known. */
export type Keys =
  | { readonly _tag: "Same" }
  | { readonly _tag: "Renamed"; readonly names: ReadonlyMap<string, string> }
  | { readonly _tag: "Opaque" }

const opaque: Keys = { _tag: "Opaque" }

/** Runs the decoding half of a link; failures and defects are `undefined`. */
export const runLink = (link: SchemaAST.Link, input: Option.Option<unknown>): Option.Option<unknown> | undefined => {
  const transformation = link.transformation
  if (transformation._tag === "Middleware") return undefined
  const exit = Effect.runSyncExit(
    Effect.suspend(() => SchemaGetter.run(transformation.decode as SchemaGetter.Getter<unknown, unknown>, input, {})),
  )
  return exit._tag === "Success" ? exit.value : undefined
}

/** Asks a link by example: what becomes of an object whose members can be told apart. The decoder verifies the answer on every real value. */
export const keysOfLink = (link: SchemaAST.Link): Keys => {
  const probe: Record<string, unknown> = {}
  const names = new Map<unknown, string>()
  if (SchemaAST.isObjects(link.to)) {
    for (const { name } of link.to.propertySignatures) {
      if (typeof name === "symbol") return opaque
      const mark = {}
      names.set(mark, String(name))
      Object.defineProperty(probe, String(name), { value: mark, enumerable: true })
    }
  }
  const result = runLink(link, Option.some(probe))
  if (result === undefined || Option.isNone(result)) return opaque
  if (result.value === probe) return { _tag: "Same" }
  if (!isObject(result.value)) return opaque
  const renamed = new Map<string, string>()
  for (const key of Object.keys(result.value)) {
    const name = names.get(result.value[key])
    if (name === undefined) return opaque
    renamed.set(key, name)
  }
  return renamed.size === names.size ? { _tag: "Renamed", names: renamed } : opaque
}

/** The node without its last `count` links. Effect has this, but does not export it. */
export const withoutLinks = (ast: SchemaAST.AST, count: number): SchemaAST.AST => {
  const links = ast.encoding?.slice(0, ast.encoding.length - count) ?? []
  return Object.assign(Object.create(Object.getPrototypeOf(ast) as object), ast, {
    encoding: links.length === 0 ? undefined : links,
  }) as SchemaAST.AST
}

/** Defaults do not belong to the encoded value: an encoding that omits them would hide what is in force. */
export const withoutDefaults = (ast: SchemaAST.AST): SchemaAST.AST => {
  const links = ast.encoding ?? []
  let count = 0
  while (count < links.length && keysOfLink(links[links.length - 1 - count]!)._tag === "Same") count++
  return withoutLinks(ast, count)
}

/** Whether the links' source says nothing that the rest of the schema does not say itself, so that it need not be run. */
export const validatesNothingElse = (
  to: SchemaAST.AST,
  rest: SchemaAST.AST,
  names: ReadonlyMap<string, string> | undefined,
): boolean => {
  const expected = SchemaAST.toEncoded(rest)
  if (!SchemaAST.isObjects(to) || !SchemaAST.isObjects(expected)) return false
  if (to.checks !== undefined || to.encoding !== undefined || to.encodingChecks !== undefined) return false
  if (expected.checks !== undefined || expected.encodingChecks !== undefined) return false
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

/** Runs the links on a value. Answers the value that the members decode, or nothing where a link does more than hand it on. */
export const pass = (
  links: ReadonlyArray<SchemaAST.Link>,
  names: ReadonlyMap<string, string> | undefined,
  input: unknown,
): unknown => {
  let value = input
  for (let index = links.length - 1; index >= 0; index--) {
    const link = links[index]!
    if (keysOfLinkCached(link) === "Renamed") {
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

export const renames = (link: SchemaAST.Link, names: ReadonlyMap<string, string>, value: unknown): boolean => {
  if (!isObject(value)) return false
  const known: Record<string, unknown> = {}
  let count = 0
  for (const name of names.values()) {
    if (!Object.hasOwn(value, name)) continue
    known[name] = value[name]
    count++
  }
  const result = Option.getOrUndefined(runLink(link, Option.some(known)) ?? Option.none())
  if (!isObject(result) || Object.keys(result).length !== count) return false
  for (const [to, from] of names) {
    if (Object.hasOwn(known, from) ? result[to] !== known[from] : Object.hasOwn(result, to)) return false
  }
  return true
}

const linkKinds = new WeakMap<SchemaAST.Link, string>()

const keysOfLinkCached = (link: SchemaAST.Link): string => {
  const known = linkKinds.get(link)
  if (known !== undefined) return known
  const kind = keysOfLink(link)._tag
  linkKinds.set(link, kind)
  return kind
}

/** Whether all steps are defaults as Schema makes them, or renamings: then a change within a value cannot change what they do. */
export const areTransparent = (links: ReadonlyArray<SchemaAST.Link>): boolean =>
  links.every((link) => keysOfLinkCached(link) === "Renamed" || codeOf(link) === schemaDefault)

/** A getter made by the same line of code is the same function but for the values it holds. */
const codeOf = ({ transformation }: SchemaAST.Link): string | undefined =>
  transformation._tag === "Transformation" && transformation.decode._tag === "TransformOptionalEffect"
    ? transformation.decode.transform.toString()
    : undefined

const reference = SchemaGetter.withDefault(Effect.succeed<unknown>(0))
const schemaDefault = reference._tag === "TransformOptionalEffect" ? reference.transform.toString() : ""
