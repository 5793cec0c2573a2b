/**
 * Decoding that costs what has changed. Structs and records are decoded member by member; a member whose input is the same as before keeps its
 * output. Everything else is one unit for Schema. With the decoded value goes the effective one: encoded again, defaults filled in,
 * secrets wrapped. Equal effective values mean equal configurations, and then the decoded value of before stays, identity included.
 *
 * That rests on one rule: the effective value decodes to the same value. Where encoding is lossy or forbidden, the document's own value is
 * taken for it.
 */
import { Cause, Option, Redacted, Schema, SchemaAST, type SchemaIssue, SchemaParser } from "effect"
import {
  absent,
  freeze,
  isObject,
  keepShallow,
  keysOf,
  member,
  type PlainObject,
  put,
  rememberKeys,
  reuse,
  sameValue,
  type Tokens,
} from "./Json.ts"
import { addIssues, type Findings, kindOf } from "./Problems.ts"
import { keysOfLink, runLink, type Shapes, type View, withoutLinks } from "./Shape.ts"

/** What one part of the document was, and became. `absent` stands for a key that is not there. */
export interface State {
  readonly input: unknown
  readonly output: unknown
  readonly effective: unknown
  /** Keys below that the schema does not know. */
  readonly unknown: ReadonlyArray<Tokens>
  /** The states of members that are decoded member by member themselves. */
  readonly parts: ReadonlyMap<string, State> | undefined
}

export interface Codec {
  /** Answers nothing where decoding failed; the findings say why. `path` is the codec's to push to and pop from. */
  readonly decode: (
    input: unknown,
    previous: State | undefined,
    path: Array<string>,
    findings: Findings,
  ) => State | undefined
  /** Has parts of its own worth remembering. */
  readonly deep: boolean
}

const noUnknown: ReadonlyArray<Tokens> = []

/** The codec of a whole document. */
export const compile = (ast: SchemaAST.AST, shapes: Shapes): Codec => new Compiler(shapes).place(ast, shapes.root, true)

/** Every key below `value` that none of the shapes knows. */
export const unknownKeys = (shapes: Shapes, view: View, value: unknown, path: Tokens): ReadonlyArray<Tokens> => {
  const found: Array<Tokens> = []
  const visit = (inner: unknown, at: View, where: Tokens): void => {
    if (typeof inner !== "object" || inner === null || at.length === 0) return
    if (at.some((shape) => shape.open && shape.encoded)) return
    for (const key of Object.keys(inner)) {
      const next = shapes.step(at, key)
      if (next.length > 0) visit((inner as PlainObject)[key], next, [...where, key])
      else if (!Array.isArray(inner) && found.length < maxUnknown) found.push([...where, key])
    }
  }
  visit(value, view, path)
  return found.length === 0 ? noUnknown : found
}

const maxUnknown = 4096

class Compiler {
  private readonly shapes: Shapes

  constructor(shapes: Shapes) {
    this.shapes = shapes
  }

  /** A value under a key, which may be absent. `root` is decoded member by member in any case. */
  place(ast: SchemaAST.AST, view: View, root: boolean): Codec {
    return this.deepPlace(ast, view, root) ?? this.unit(ast, view, root)
  }

  private deepPlace(ast: SchemaAST.AST, view: View, root: boolean): Codec | undefined {
    const links = ast.encoding ?? []
    let peeled = 0
    let names: ReadonlyMap<string, string> | undefined
    // outermost first: defaults, which hand on what is there, then at most one renaming of keys
    while (peeled < links.length) {
      const link = links[links.length - 1 - peeled]!
      const keys = keysOfLink(link)
      const rest = withoutLinks(ast, peeled + 1)
      if (keys._tag === "Opaque" || names !== undefined) return undefined
      if (keys._tag === "Renamed") names = keys.names
      if (!validatesNothingElse(link.to, rest, names)) return undefined
      peeled++
    }
    const body = withoutLinks(ast, links.length)
    if (!SchemaAST.isObjects(body) || body.encodingChecks !== undefined) return undefined
    if (!root && !holdsRecord(body)) return undefined
    const members = this.members(body, view, names)
    if (members === undefined) return undefined
    return links.length === 0 && !SchemaAST.isOptional(ast) ? members : this.guarded(ast, links, members, names, view)
  }

  private members(
    ast: SchemaAST.Objects,
    view: View,
    names: ReadonlyMap<string, string> | undefined,
  ): Codec | undefined {
    const [signature, ...others] = ast.indexSignatures
    const checks = ast.checks === undefined ? undefined : this.checks(ast.checks, view)
    if (signature === undefined) {
      if (ast.propertySignatures.some((field) => typeof field.name !== "string")) return undefined
      const fields = ast.propertySignatures.map((field): Field => {
        const name = String(field.name)
        const key = names?.get(name) ?? name
        return { key, name, codec: this.place(field.type, this.shapes.step(view, key), false) }
      })
      return structCodec(fields, checks)
    }
    if (others.length > 0 || ast.propertySignatures.length > 0 || signature.parameter !== Schema.String.ast)
      return undefined
    const inner = this.shapes.step(view, "*")
    return recordCodec(this.deepPlace(signature.type, inner, false) ?? this.unit(signature.type, inner, true), checks)
  }

  /** Runs the checks of a struct or record on its decoded value. */
  private checks(checks: SchemaAST.Checks, view: View): Check {
    const verify = SchemaParser.decodeUnknownExit(schemaOf(new SchemaAST.Objects([], [], undefined, checks)), {
      errors: "all",
    })
    const shapes = this.shapes
    return (output, input, path, findings) => {
      const exit = verify(output)
      if (exit._tag === "Failure") addIssues(findings, exit.cause, { input, base: path, shapes, view, skip: 0 })
      return exit._tag === "Success"
    }
  }

  /** Runs the links that `members` leaves out, and falls back to one unit where a value shows that they do more than they seemed to. */
  private guarded(
    ast: SchemaAST.AST,
    links: ReadonlyArray<SchemaAST.Link>,
    members: Codec,
    names: ReadonlyMap<string, string> | undefined,
    view: View,
  ): Codec {
    const whole = this.unit(ast, view, false)
    return {
      deep: true,
      decode: (input, previous, path, findings) => {
        if (previous !== undefined && Object.is(previous.input, input)) return previous
        if (input === absent && links.length === 0) return absentState
        const passed = pass(links, names, input)
        if (passed === undefined) return whole.decode(input, previous, path, findings)
        const inner = members.decode(passed, previous?.parts?.get(""), path, findings)
        return inner === undefined ? undefined : { ...inner, input, parts: new Map([["", inner]]) }
      },
    }
  }

  /** One value for Schema as a whole: absence and defaults are settled by decoding a struct of this one key. */
  private unit(ast: SchemaAST.AST, view: View, required: boolean): Codec {
    const shapes = this.shapes
    const secret = shapes.hasSecret(view)
    const parser = parserOf(ast, required)
    const encode = SchemaParser.encodeUnknownExit(schemaOf(withoutDefaults(ast)))
    const effectiveOf = (input: unknown, output: unknown): unknown => {
      if (output === absent) return absent
      const encoded = encode(output)
      if (encoded._tag === "Failure") return input
      if (sameValue(encoded.value, input)) return input
      const again = parser.decode(encoded.value)
      if (again === failed || !sameValue(again, output)) return input
      return sameValue(encoded.value, output) ? output : freeze(encoded.value)
    }
    return {
      deep: false,
      decode: (input, previous, path, findings) => {
        if (previous !== undefined && Object.is(previous.input, input)) return previous
        const decoded = parser.decode(input)
        if (decoded === failed) {
          addIssues(findings, parser.cause(input), { input, base: path, shapes, view, skip: required ? 0 : 1 })
          return undefined
        }
        const output = sameValue(decoded, input) ? input : freeze(decoded)
        const plain = effectiveOf(input, output)
        const effective = secret ? wrapSecrets(shapes, view, plain) : plain
        const unknown = unknownKeys(shapes, view, input, path)
        if (previous === undefined) return { input, output, effective, unknown, parts: undefined }
        const same = sameValue(effective, previous.effective) && (output === absent) === (previous.output === absent)
        return {
          input,
          output: same ? previous.output : reuse(previous.output, output),
          effective: same ? previous.effective : reuse(previous.effective, effective),
          unknown,
          parts: undefined,
        }
      },
    }
  }
}

const failed: unique symbol = Symbol("failed")

interface Parser {
  /** The decoded value, `absent` or `failed`. */
  readonly decode: (input: unknown) => unknown
  /** Why it failed: decodes once more, for all issues at once. */
  readonly cause: (input: unknown) => Cause.Cause<SchemaIssue.Issue>
}

const schemaOf = (ast: SchemaAST.AST): Schema.Unknown => Schema.make<Schema.Unknown>(ast as Schema.Unknown["ast"])

const parserOf = (ast: SchemaAST.AST, required: boolean): Parser => {
  const schema = schemaOf(required ? ast : new SchemaAST.Objects([new SchemaAST.PropertySignature("value", ast)], []))
  const decode = SchemaParser.decodeUnknownExit(schema)
  const wrap = (input: unknown): unknown => (required ? input : input === absent ? {} : { value: input })
  return {
    decode: (input) => {
      const exit = decode(wrap(input))
      if (exit._tag === "Failure") return failed
      return required ? exit.value : member(exit.value, "value")
    },
    cause: (input) => {
      const exit = decode(wrap(input), { errors: "all" })
      return exit._tag === "Failure" ? exit.cause : Cause.empty
    },
  }
}

/** Defaults do not belong to the encoded value: an encoding that omits them would hide what is in force. */
const withoutDefaults = (ast: SchemaAST.AST): SchemaAST.AST => {
  const links = ast.encoding ?? []
  let count = 0
  while (count < links.length && keysOfLink(links[links.length - 1 - count]!)._tag === "Same") count++
  return withoutLinks(ast, count)
}

const wrapSecrets = (shapes: Shapes, view: View, value: unknown): unknown => {
  if (value === absent || value === null || !shapes.hasSecret(view)) return value
  if (view.some((shape) => shape.secret)) return Redacted.make(value)
  if (Array.isArray(value)) {
    return Object.freeze(value.map((element, index) => wrapSecrets(shapes, shapes.step(view, String(index)), element)))
  }
  if (!isObject(value)) return value
  const wrapped: Record<string, unknown> = {}
  for (const key of Object.keys(value)) put(wrapped, key, wrapSecrets(shapes, shapes.step(view, key), value[key]))
  return Object.freeze(wrapped)
}

/** Whether the links' source says nothing that the rest of the schema does not say itself, so that it need not be run. */
const validatesNothingElse = (
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
const pass = (
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

const renames = (link: SchemaAST.Link, names: ReadonlyMap<string, string>, value: unknown): boolean => {
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

/** Only what can grow without bound is worth decoding member by member below the root. */
const holdsRecord = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isObjects(ast) &&
  (ast.indexSignatures.length > 0 || ast.propertySignatures.some((field) => holdsRecord(field.type)))

type Check = (output: unknown, input: unknown, path: Tokens, findings: Findings) => boolean

interface Field {
  readonly key: string
  readonly name: string
  readonly codec: Codec
}

const absentState: State = { input: absent, output: absent, effective: absent, unknown: noUnknown, parts: undefined }

const refuse = (input: unknown, path: Tokens, findings: Findings): undefined => {
  const message =
    input === absent
      ? `is missing: add the key ${JSON.stringify(path.at(-1) ?? "")}`
      : `must be an object in braces, not ${kindOf(input)}`
  findings.add({ by: "schema", path: [...path], message, at: "value" })
}

const structCodec = (fields: ReadonlyArray<Field>, check: Check | undefined): Codec => {
  const known = new Set(fields.map((field) => field.key))
  return {
    deep: true,
    decode: (input, previous, path, findings) => {
      if (previous !== undefined && Object.is(previous.input, input)) return previous
      if (!isObject(input)) return refuse(input, path, findings)
      const parts = new Map<string, State>()
      const output: Record<string, unknown> = {}
      const effective: Record<string, unknown> = {}
      const unknown: Array<Tokens> = []
      for (const { codec, key, name } of fields) {
        path.push(key)
        const state = codec.decode(member(input, key), previous?.parts?.get(key), path, findings)
        path.pop()
        if (state === undefined) continue
        parts.set(key, state)
        if (state.output !== absent) put(output, name, state.output)
        if (state.effective !== absent) put(effective, key, state.effective)
        for (const tokens of state.unknown) unknown.push(tokens)
      }
      if (parts.size < fields.length) return undefined
      for (const key of keysOf(input)) if (!known.has(key)) unknown.push([...path, key])
      const shared = keepShallow(previous?.output, output)
      if (check !== undefined && shared !== previous?.output && !check(shared, input, path, findings)) return undefined
      return {
        input,
        output: shared,
        effective: keepShallow(previous?.effective, effective),
        unknown: unknown.length === 0 ? noUnknown : unknown,
        parts,
      }
    },
  }
}

const recordCodec = (value: Codec, check: Check | undefined): Codec => ({
  deep: true,
  decode: (input, previous, path, findings) => {
    if (previous !== undefined && Object.is(previous.input, input)) return previous
    if (!isObject(input)) return refuse(input, path, findings)
    const state = decodeMembers(value, input, isObject(previous?.input) ? previous : undefined, path, findings)
    if (state === undefined) return undefined
    const fresh = previous === undefined || state.output !== previous.output
    return check === undefined || !fresh || check(state.output, input, path, findings) ? state : undefined
  },
})

const decodeMembers = (
  codec: Codec,
  input: PlainObject,
  previous: State | undefined,
  path: Array<string>,
  findings: Findings,
): State | undefined => {
  const keys = keysOf(input)
  const inputs = (previous?.input ?? {}) as PlainObject
  const outputs = (previous?.output ?? {}) as PlainObject
  const effectives = (previous?.effective ?? {}) as PlainObject
  const before = previous === undefined ? [] : keysOf(inputs)
  const changed = new Map<string, State>()
  let aligned = before.length === keys.length
  let broken = false
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    const there = before[index] === key
    if (!there) aligned = false
    const known = previous !== undefined && (there || Object.hasOwn(inputs, key))
    if (known && Object.is(inputs[key], input[key])) continue
    const was: State | undefined = !known
      ? undefined
      : (previous.parts?.get(key) ?? {
          input: inputs[key],
          output: outputs[key],
          effective: effectives[key],
          unknown: noUnknown,
          parts: undefined,
        })
    path.push(key)
    const state = codec.decode(input[key], was, path, findings)
    path.pop()
    if (state === undefined) broken = true
    else changed.set(key, state)
  }
  if (broken) return undefined
  return assemble(codec, input, keys, previous, changed, aligned, path.length)
}

const assemble = (
  codec: Codec,
  input: PlainObject,
  keys: ReadonlyArray<string>,
  previous: State | undefined,
  changed: ReadonlyMap<string, State>,
  aligned: boolean,
  depth: number,
): State => {
  const unknown: Array<Tokens> = []
  for (const tokens of previous?.unknown ?? noUnknown) {
    const key = tokens[depth]!
    if (!changed.has(key) && Object.hasOwn(input, key)) unknown.push(tokens)
  }
  for (const state of changed.values()) for (const tokens of state.unknown) unknown.push(tokens)
  let parts: Map<string, State> | undefined
  if (codec.deep) {
    parts = new Map()
    for (const key of keys) parts.set(key, changed.get(key) ?? previous!.parts!.get(key)!)
  }
  const output = collect(keys, previous, changed, "output", aligned, "input", input)
  const effective = collect(keys, previous, changed, "effective", aligned, "output", output)
  return { input, output, effective, unknown: unknown.length === 0 ? noUnknown : unknown, parts }
}

type Side = "input" | "output" | "effective"

/** The record of one side: the one of before if no member changed, the twin's if it has the very same members, else a new one. */
const collect = (
  keys: ReadonlyArray<string>,
  previous: State | undefined,
  changed: ReadonlyMap<string, State>,
  side: Side,
  aligned: boolean,
  twinSide: Side,
  twin: PlainObject,
): PlainObject => {
  const before = previous?.[side] as PlainObject | undefined
  if (before !== undefined && aligned && every(changed, (key, state) => Object.is(state[side], before[key])))
    return before
  // members that did not change were the same on both sides if the two records were one
  const unchangedSame = before !== undefined && before === previous?.[twinSide]
  const twins =
    every(changed, (key, state) => Object.is(state[side], twin[key])) &&
    (unchangedSame || keys.every((key) => changed.has(key) || Object.is(before![key], twin[key])))
  if (twins) return twin
  const record: Record<string, unknown> = {}
  if (before !== undefined && changed.size < keys.length) {
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]!
      record[key] = before[key]
    }
    for (const [key, state] of changed) record[key] = state[side]
  } else for (const key of keys) record[key] = changed.get(key)?.[side]
  rememberKeys(record, keys)
  return Object.freeze(record)
}

const every = (states: ReadonlyMap<string, State>, holds: (key: string, state: State) => boolean): boolean => {
  for (const [key, state] of states) if (!holds(key, state)) return false
  return true
}
