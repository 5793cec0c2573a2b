/**
 * Shapes of the places in a document, as its schema declares them: known keys, secrets, need of a restart, plain strings. A place can have
 * several shapes at once (unions; the encoded and the decoded side of a transformation), and all of them count.
 */
import { SchemaAST } from "effect"
import type { Tokens } from "../../JsonPointer.ts"
import { isObject, type PlainObject } from "../Json.ts"
import { defaultOf, mappingOf, withoutLinks } from "./Links.ts"
import type { Remark } from "./Types.ts"

/** Annotation key: a change at or below this node takes effect only after a restart. */
export const restartKey = "signalbox/restartRequired"

/** Annotation key of a whole document's schema: a function that returns its remarks. */
export const warningsKey = "signalbox/warnings"

export interface Shape {
  /** The whole value is a secret. */
  readonly secret: boolean
  readonly restart: boolean
  /** Any key is allowed. */
  readonly open: boolean
  /** Belongs to the form of the document, not to the decoded side. */
  readonly encoded: boolean
  readonly scalar: "string" | "other" | undefined
  readonly isArray: boolean
  /** By key, or by index. */
  readonly fields: ReadonlyMap<string, SchemaAST.AST>
  /** The values of all other keys or indexes. */
  readonly rest: ReadonlyArray<SchemaAST.AST>
  /** Decoded name → key in the document, where they differ. */
  readonly renamed: ReadonlyMap<string, string>
}

/** Every shape that a place can have. */
export type View = ReadonlyArray<Shape>

const nothing: Shape = {
  secret: false,
  restart: false,
  open: false,
  encoded: true,
  scalar: undefined,
  isArray: false,
  fields: new Map(),
  rest: [],
  renamed: new Map(),
}

/** The id of a schema or check of Effect's own. */
export const representationOf = ({ annotations }: Pick<SchemaAST.AST, "annotations">): unknown => {
  const representation = annotations?.["representation"]
  return isObject(representation) ? representation["id"] : undefined
}

const isRedactedSchema = (ast: SchemaAST.AST): boolean => representationOf(ast) === "effect/schema/Redacted"

/** The views of one schema. They are remembered, because schemas are walked for every changed value. */
export class Shapes {
  private readonly views = new Map<SchemaAST.AST, View>()
  private readonly steps = new WeakMap<View, Map<string | undefined, View>>()
  private readonly secrets = new Map<SchemaAST.AST, boolean>()
  readonly root: View
  /** The remarks of the schema's owner on a configuration. */
  readonly remarks: (config: unknown) => ReadonlyArray<Remark>

  constructor(ast: SchemaAST.AST) {
    this.root = this.of(ast)
    this.remarks = SchemaAST.resolveAt<Shapes["remarks"]>(warningsKey)(ast) ?? (() => [])
  }

  of(ast: SchemaAST.AST): View {
    const known = this.views.get(ast)
    if (known !== undefined) return known
    const restart = isAnnotated(ast)
    const view = this.build(ast).map((shape) => (restart && !shape.restart ? { ...shape, restart } : shape))
    this.views.set(ast, view)
    return view
  }

  /** The shapes of what is under a key (or an index). Keys that a place does not declare share one view. */
  step(view: View, key: string): View {
    const known = this.steps.get(view) ?? new Map<string | undefined, View>()
    const index = view.some((shape) => shape.fields.has(key)) ? key : undefined
    const found = known.get(index)
    if (found !== undefined) return found
    const inner = view.flatMap((shape) => {
      const field = shape.fields.get(key)
      const asts = field === undefined ? shape.rest : [field]
      return asts.flatMap((ast) => this.inherit(shape, this.of(ast)))
    })
    this.steps.set(view, known.set(index, inner))
    return inner
  }

  at(tokens: Tokens): View {
    return tokens.reduce<View>((view, token) => this.step(view, token), this.root)
  }

  /** Whether a place at or below has a secret. */
  hasSecret(view: View): boolean {
    return view.some((shape) => shape.secret || partsOfShape(shape).some((ast) => this.holdsSecret(ast)))
  }

  /** Whether a change here may touch a place that needs a restart. */
  hasRestart(view: View): boolean {
    return view.some((shape) => shape.restart || partsOfShape(shape).some((ast) => reaches(ast, isAnnotated)))
  }

  /** The default that the schema declares for an absent key. Of several shapes the first that has one counts. */
  defaultAt(view: View, key: string): unknown {
    for (const { fields } of view) {
      const field = fields.get(key)
      const declared = field && defaultOf(field)
      if (declared !== undefined) return declared
    }
    return undefined
  }

  /** `value` with the defaults of its absent keys as the schema declares them. */
  withDefaults(view: View, value: PlainObject): PlainObject {
    const filled: Record<string, unknown> = { ...value }
    for (const key of view.flatMap((shape) => [...shape.fields.keys()])) {
      const inner = filled[key] ?? this.defaultAt(view, key)
      if (inner !== undefined) filled[key] = isObject(inner) ? this.withDefaults(this.step(view, key), inner) : inner
    }
    return filled
  }

  /** The path with the keys of the document, for a problem that has names of the decoded side. */
  translate(view: View, path: ReadonlyArray<PropertyKey>): Array<string> {
    let current = view
    return path.map((part) => {
      const key = String(part)
      const known = current.some((shape) => shape.fields.has(key) || shape.rest.length > 0)
      const name = known ? key : (current.find((shape) => shape.renamed.has(key))?.renamed.get(key) ?? key)
      current = this.step(current, name)
      return name
    })
  }

  private inherit(outer: Shape, view: View): View {
    return outer.encoded && !outer.restart && !outer.secret
      ? view
      : view.map((shape) => ({
          ...shape,
          encoded: outer.encoded && shape.encoded,
          restart: outer.restart || shape.restart,
          secret: outer.secret || shape.secret,
        }))
  }

  private build(ast: SchemaAST.AST): View {
    if (ast.encoding !== undefined) return this.buildEncoded(ast, ast.encoding)
    switch (ast._tag) {
      case "Suspend":
        return this.of(ast.thunk())
      case "Union":
        return ast.types.flatMap((type) => this.of(type))
      case "Objects":
        return [buildObject(ast)]
      case "Arrays":
        return [{ ...nothing, scalar: "other", isArray: true, fields: new Map(indexed(ast.elements)), rest: ast.rest }]
      case "Declaration":
        return [{ ...nothing, open: true, scalar: "other", secret: this.holdsSecret(ast) }]
      case "Unknown":
      case "Any":
      case "ObjectKeyword":
        return [{ ...nothing, open: true, scalar: "other" }]
      case "Never":
      case "Undefined":
      case "Void":
        return [nothing]
      default:
        return [{ ...nothing, scalar: isTextual(ast) ? "string" : "other" }]
    }
  }

  private buildEncoded(ast: SchemaAST.AST, links: SchemaAST.Encoding): View {
    const stages = [withoutLinks(ast, links.length), ...links.map((link) => link.to)]
    const view: Array<Shape> = [...this.of(stages.at(-1)!)]
    let names: ReadonlyMap<string, string> | undefined
    for (let index = links.length - 1; index >= 0; index--) {
      if (index === 0 && saysNoMore(stages[0]!, links)) return view
      const mapping = mappingOf(links[index]!)
      if (mapping === undefined) {
        const beyond = stages.slice(0, index + 1)
        const secret = beyond.some((stage) => this.holdsSecret(stage))
        const restart = beyond.some(isAnnotated)
        return secret || restart
          ? view.map((shape) => ({ ...shape, secret: shape.secret || secret, restart: shape.restart || restart }))
          : view
      }
      if (mapping.size > 0) names = compose(names, mapping)
      for (const shape of this.of(stages[index]!)) view.push(rename({ ...shape, encoded: false }, names))
    }
    return view
  }

  private holdsSecret(ast: SchemaAST.AST): boolean {
    const known = this.secrets.get(ast)
    if (known !== undefined) return known
    const found = reaches(ast, isRedactedSchema)
    this.secrets.set(ast, found)
    return found
  }
}

/** Whether a node that satisfies the predicate can be reached; a schema may contain itself. */
const reaches = (
  ast: SchemaAST.AST,
  predicate: (ast: SchemaAST.AST) => boolean,
  visited = new Set<SchemaAST.AST>(),
): boolean => {
  if (visited.has(ast)) return false
  visited.add(ast)
  return (
    predicate(ast) ||
    (ast.encoding ?? []).some((link) => reaches(link.to, predicate, visited)) ||
    partsOf(ast).some((part) => reaches(part, predicate, visited))
  )
}

/** A class is declared over the very struct that it is decoded from. */
const saysNoMore = (body: SchemaAST.AST, links: SchemaAST.Encoding): boolean =>
  SchemaAST.isDeclaration(body) &&
  !isRedactedSchema(body) &&
  body.typeParameters.length > 0 &&
  body.typeParameters.every((parameter) => parameter === links[0].to)

const indexed = <A>(values: ReadonlyArray<A>) => values.map((value, index) => [String(index), value] as const)

const partsOfShape = ({ fields, rest }: Shape) => [...fields.values(), ...rest]

const partsOf = (ast: SchemaAST.AST): ReadonlyArray<SchemaAST.AST> => {
  switch (ast._tag) {
    case "Declaration":
      return ast.typeParameters
    case "Objects":
      return [...ast.propertySignatures.map((field) => field.type), ...ast.indexSignatures.map((rest) => rest.type)]
    case "Arrays":
      return [...ast.elements, ...ast.rest]
    case "Union":
      return ast.types
    case "Suspend":
      return [ast.thunk()]
    default:
      return []
  }
}

const isTextual = (ast: SchemaAST.AST): boolean =>
  ast._tag === "String" ||
  ast._tag === "TemplateLiteral" ||
  (ast._tag === "Literal" && typeof ast.literal === "string") ||
  (ast._tag === "Enum" && ast.enums.every(([, value]) => typeof value === "string"))

const buildObject = (ast: SchemaAST.Objects): Shape => ({
  ...nothing,
  scalar: "other",
  fields: new Map(ast.propertySignatures.map((field) => [String(field.name), field.type])),
  rest: ast.indexSignatures.map((signature) => signature.type),
  open: ast.propertySignatures.length === 0 && ast.indexSignatures.length === 0,
})

const compose = (
  outer: ReadonlyMap<string, string> | undefined,
  inner: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> =>
  outer === undefined ? inner : new Map([...inner].map(([to, from]) => [to, outer.get(from) ?? from]))

const rename = (shape: Shape, names: ReadonlyMap<string, string> | undefined): Shape => {
  if (names === undefined) return shape
  const fields = new Map([...shape.fields].map(([name, ast]) => [names.get(name) ?? name, ast]))
  return { ...shape, fields, renamed: names }
}

const isAnnotated = (ast: SchemaAST.AST): boolean =>
  ast.annotations?.[restartKey] === true ||
  ast.context?.annotations?.[restartKey] === true ||
  (ast.checks ?? []).some((check) => check.annotations?.[restartKey] === true)
