/**
 * Decoding whose cost follows the change. Structs and records are decoded member by member; a member whose input is the same as before
 * keeps its result. Everything else is one unit for Schema. With each decoded value goes its effective value: the value encoded again, with
 * defaults filled in and secrets wrapped. Equal effective values mean equal configurations.
 *
 * That rests on one rule: the effective value decodes to the same value. Where encoding is lossy or forbidden, the document's own value
 * takes its place.
 */
import { Redacted, Schema, SchemaAST, SchemaParser } from "effect"
import type { Tokens } from "../../JsonPointer.ts"
import { absent, freeze, isObject, member, put } from "../Json.ts"
import { membersOf, sameValue } from "../StructuralSharing.ts"
import { acceptorOf, hasConstantDefault, passageOf, withoutDefaults, withoutLinks } from "./Links.ts"
import {
  type Check,
  type Decode,
  type Decoder,
  type Field,
  noKeys,
  recordDecoder,
  remembered,
  structDecoder,
} from "./Members.ts"
import { addIssues } from "./Problems.ts"
import { representationOf, type Shapes, type View } from "./Shape.ts"

/** Compiles the decoder of a whole document. */
export const compile = (ast: SchemaAST.AST, shapes: Shapes): Decode =>
  new Compiler(shapes).place(ast, shapes.root).decode

/** Every key below `value` that none of the shapes knows. */
export const unknownKeys = (shapes: Shapes, view: View, value: unknown): ReadonlyArray<Tokens> => {
  const found: Array<Tokens> = []
  const path: Array<string> = []
  const visit = (inner: unknown, at: View): void => {
    if (typeof inner !== "object" || inner === null || at.length === 0) return
    if (at.some((shape) => shape.open && shape.encoded)) return
    for (const key of Object.keys(inner)) {
      const next = shapes.step(at, key)
      path.push(key)
      if (next.length > 0) visit(Reflect.get(inner, key), next)
      else if (!Array.isArray(inner) && found.length < maxUnknown) found.push([...path])
      path.pop()
    }
  }
  visit(value, view)
  return found.length === 0 ? noKeys : found
}

const maxUnknown = 4096

class Compiler {
  private readonly shapes: Shapes

  constructor(shapes: Shapes) {
    this.shapes = shapes
  }

  place(ast: SchemaAST.AST, view: View): Decoder {
    const decode = this.byMembers(ast, view)
    const isConstant = hasConstantDefault(ast)
    if (decode !== undefined) return { decode: remembered(decode, isConstant), accepts: () => false }
    const accepts = this.shapes.hasSecret(view) ? undefined : acceptorOf(ast)
    return { decode: remembered(this.unit(ast, view), isConstant), accepts: accepts ?? (() => false) }
  }

  private byMembers(ast: SchemaAST.AST, view: View): Decode | undefined {
    const linkCount = ast.encoding?.length ?? 0
    const body = withoutLinks(ast, linkCount)
    const passage = passageOf(ast)
    if (passage === undefined || !SchemaAST.isObjects(body) || body.encodingChecks !== undefined) return undefined
    const members = this.members(body, view, passage.names)
    if (members === undefined || (linkCount === 0 && !SchemaAST.isOptional(ast))) return members
    const whole = this.unit(ast, view)
    return (input, path, problems) => {
      if (input === absent && linkCount === 0) return { output: absent, effective: absent, unknown: noKeys }
      const passed = passage.pass(input)
      return passed === undefined ? whole(input, path, problems) : members(passed, path, problems)
    }
  }

  private members(ast: SchemaAST.Objects, view: View, names: ReadonlyMap<string, string> | undefined) {
    const [signature, ...others] = ast.indexSignatures
    const check = ast.checks === undefined ? undefined : this.check(ast.checks, view)
    if (signature === undefined) {
      // An empty struct takes any object, keys included.
      if (ast.propertySignatures.length === 0) return undefined
      if (ast.propertySignatures.some((field) => typeof field.name !== "string")) return undefined
      const fields = ast.propertySignatures.map((field): Field => {
        const name = String(field.name)
        const key = names?.get(name) ?? name
        return { key, name, ...this.place(field.type, this.shapes.step(view, key)) }
      })
      return structDecoder(fields, check)
    }
    if (others.length > 0 || ast.propertySignatures.length > 0 || signature.parameter !== Schema.String.ast)
      return undefined
    const inner = this.shapes.step(view, "*")
    return recordDecoder(this.place(signature.type, inner), check)
  }

  /** Runs the checks of a struct or record on its decoded value; those that look only at its keys once for each list of keys. */
  private check(checks: SchemaAST.Checks, view: View): Check {
    const isOfKeys = (check: AnyCheck) => ofKeys.has(representationOf(check))
    const verifyAll = verifierOf(checks)
    const verifyRest = verifierOf(checks.filter((check) => !isOfKeys(check)))
    const checked = new WeakSet<ReadonlyArray<string>>()
    const shapes = this.shapes
    return (output, input, path, problems) => {
      const { keys } = membersOf(output)
      const exit = (checked.has(keys) ? verifyRest : verifyAll)(output)
      if (exit._tag === "Success") checked.add(keys)
      else addIssues(problems, exit.cause, { input, base: path, shapes, view, skip: 0 })
      return exit._tag === "Success"
    }
  }

  /** One value for Schema as a whole: a struct of this one key, because a key that may be absent has its default there. */
  private unit(ast: SchemaAST.AST, view: View): Decode {
    const shapes = this.shapes
    const wrapped = schemaOf(new SchemaAST.Objects([new SchemaAST.PropertySignature("value", ast)], []))
    const parse = SchemaParser.decodeUnknownExit(wrapped)
    const encode = SchemaParser.encodeUnknownExit(schemaOf(withoutDefaults(ast)))
    const decode = (input: unknown, options?: SchemaAST.ParseOptions) =>
      parse(input === absent ? {} : { value: input }, options)
    const effectiveOf = (input: unknown, output: unknown): unknown => {
      if (output === absent) return absent
      const encoded = encode(output)
      if (encoded._tag === "Failure" || sameValue(encoded.value, input)) return input
      const again = decode(encoded.value)
      if (again._tag === "Failure" || !sameValue(member(again.value, "value"), output)) return input
      return freeze(encoded.value)
    }
    return (input, path, problems) => {
      const exit = decode(input)
      if (exit._tag === "Failure") {
        const all = decode(input, { errors: "all" })
        const { cause } = all._tag === "Failure" ? all : exit
        return addIssues(problems, cause, { input, base: path, shapes, view, skip: 1 })
      }
      const output = freeze(member(exit.value, "value"))
      const effective = wrapSecrets(shapes, view, effectiveOf(input, output))
      return { output, effective, unknown: unknownKeys(shapes, view, input) }
    }
  }
}

type AnyCheck = SchemaAST.Checks[number]

/** Checks that look only at the keys of an object. */
const ofKeys = new Set<unknown>(["effect/schema/isPropertyNames", "effect/schema/isMaxProperties"])

const verifierOf = (checks: ReadonlyArray<AnyCheck>) => {
  const [first, ...others] = checks
  const all: SchemaAST.Checks | undefined = first && [first, ...others]
  return SchemaParser.decodeUnknownExit(schemaOf(new SchemaAST.Objects([], [], undefined, all)), { errors: "all" })
}

const schemaOf = (ast: SchemaAST.AST): Schema.Unknown => Schema.make<Schema.Unknown>(ast as Schema.Unknown["ast"])

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
