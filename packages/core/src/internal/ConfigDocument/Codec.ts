/**
 * Decoding that costs what has changed. Structs and records are decoded member by member; a member whose input is the same as before keeps its
 * output. Everything else is one unit for Schema. With the decoded value goes the effective one: encoded again, defaults filled in,
 * secrets wrapped. Equal effective values mean equal configurations, and then the decoded value of before stays, identity included.
 *
 * That rests on one rule: the effective value decodes to the same value. Where encoding is lossy or forbidden, the document's own value is
 * taken for it.
 */
import { Cause, Redacted, Schema, SchemaAST, type SchemaIssue, SchemaParser } from "effect"
import type { Tokens } from "../../JsonPointer.ts"
import { absent, freeze, isObject, member, type PlainObject, put, replaceDeep, reuse, sameValue } from "../Json.ts"
import {
  areTransparent,
  keysOfLink,
  pass,
  renames,
  validatesNothingElse,
  withoutDefaults,
  withoutLinks,
} from "./Links.ts"
import {
  absentState,
  type Check,
  type Codec,
  type Field,
  noUnknown,
  recordCodec,
  shallow,
  stale,
  structCodec,
} from "./Members.ts"
import { addIssues } from "./Problems.ts"
import type { Shapes, View } from "./Shape.ts"

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
    const transparent = areTransparent(links)
    const renaming = links.find((link) => keysOfLink(link)._tag === "Renamed")
    return {
      deep: true,
      decode: (input, previous, path, findings) => {
        if (previous !== undefined && Object.is(previous.input, input)) return previous
        if (input === absent && links.length === 0) return absentState
        const passed = pass(links, names, input)
        if (passed === undefined) return whole.decode(input, previous, path, findings)
        const inner = members.decode(passed, previous?.parts?.get(""), path, findings)
        return inner === undefined ? undefined : { ...inner, input, parts: new Map([["", inner]]), members: undefined }
      },
      patch: (previous, change, path, findings) => {
        const before = previous.parts?.get("")
        if (before === undefined || !transparent) return undefined
        const inner = members.patch(before, change, path, findings)
        if (inner === undefined) return undefined
        // renaming looks at keys only: the states may stand for the values
        const states = Object.fromEntries([...(inner.parts ?? [])].filter(([, state]) => state.input !== absent))
        if (renaming !== undefined && names !== undefined && !renames(renaming, names, states)) return undefined
        return { ...inner, input: stale, parts: new Map([["", inner]]), members: undefined }
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
    const codec: Codec = {
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
        if (previous === undefined) return { input, output, effective, unknown, ...shallow }
        const same = sameValue(effective, previous.effective) && (output === absent) === (previous.output === absent)
        return {
          input,
          output: same ? previous.output : reuse(previous.output, output),
          effective: same ? previous.effective : reuse(previous.effective, effective),
          unknown,
          ...shallow,
        }
      },
      // one unit again, with the one value replaced in it
      patch: (previous, { depth, tokens, value }, path, findings) =>
        isObject(previous.input)
          ? codec.decode(replaceDeep(previous.input, tokens.slice(depth), value), previous, path, findings)
          : undefined,
    }
    return codec
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

/** Only what can grow without bound is worth decoding member by member below the root. */
const holdsRecord = (ast: SchemaAST.AST): boolean =>
  SchemaAST.isObjects(ast) &&
  (ast.indexSignatures.length > 0 || ast.propertySignatures.some((field) => holdsRecord(field.type)))
