/**
 * What is wrong, in words that come from the schema and never from the document: Schema's own messages may quote the value, and a value
 * may be a secret (P10). A bounded list: the 257th problem is a count.
 */
import { Cause, Option, SchemaAST, SchemaIssue } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { absent, isObject, lookup } from "../Json.ts"
import type { Shapes, View } from "./Shape.ts"
import type { Position } from "./Tree.ts"

export const maxProblems = 256

/** A problem before anybody has asked where it stands. */
export interface Finding {
  readonly by: "parser" | "schema"
  readonly path: Tokens
  readonly message: string
  /** Where to point: at the value, at its key; at nothing, because the value does not come from the text. */
  readonly at: "value" | "key" | "nowhere"
}

/** Findings in the order in which they are found; counts on where the list is full. */
export class Findings {
  readonly list: Array<Finding> = []
  count = 0

  add(finding: Finding): undefined {
    this.count++
    if (this.list.length < maxProblems) this.list.push(finding)
  }
}

/** As a person reads the text: in which order objects hold their keys is nobody's matter, and depends on how a document was loaded. */
export const asInText = (left: Problem, right: Problem): number =>
  (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0)

/** Gives each finding its place in the text. */
export const locate = (
  findings: Pick<Findings, "list" | "count">,
  where: (tokens: Tokens, at: "value" | "key") => Position,
): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = findings.list.map(({ at, by, message, path }) => ({
    by,
    path: pointer(path),
    ...(at === "nowhere" ? {} : where(path, at)),
    message,
  }))
  problems.sort(asInText)
  const more = findings.count - findings.list.length
  return more > 0
    ? [...problems, { by: "schema", path: "", ...where([], "value"), message: `and ${more} more` }]
    : problems
}

interface Leaf {
  readonly path: ReadonlyArray<PropertyKey>
  /** Nothing where a key is missing. */
  readonly message: string | undefined
  /** Written by code that has seen the value. */
  readonly dynamic: boolean
  readonly about: "value" | "place"
  /** What is said instead where the value is an object. */
  readonly ofObject?: Leaf | undefined
}

/** A value that Schema refused, and what is known about its place. */
export interface Refused {
  readonly input: unknown
  readonly base: Tokens
  readonly shapes: Shapes
  readonly view: View
  /** So many parts at the head of each issue's path belong to the codec, not to the document. */
  readonly skip: number
}

export const addIssues = (findings: Findings, cause: Cause.Cause<SchemaIssue.Issue>, refused: Refused): void => {
  const { base, input, shapes, skip, view } = refused
  const issue = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (issue === undefined) {
    const message = "the schema's own code fails on this value: change the value, or repair the schema"
    findings.add({ by: "schema", path: [...base], message, at: "value" })
    return
  }
  for (const found of leavesOf(issue, [])) {
    const there = found.ofObject && lookup(input, shapes.translate(view, found.path.slice(skip)))
    const leaf = found.ofObject !== undefined && isObject(there) ? found.ofObject : found
    const path = shapes.translate(view, leaf.path.slice(skip))
    const value = lookup(input, path)
    const place = path.reduce((inner, token) => shapes.step(inner, token), view)
    const full = [...base, ...path]
    findings.add({
      by: "schema",
      path: full,
      message: wording(leaf, value, full, shapes.hasSecret(place)),
      at: "value",
    })
  }
}

const wording = (leaf: Leaf, value: unknown, path: Tokens, secret: boolean): string => {
  if (leaf.message === undefined) return `is missing: add the key ${JSON.stringify(path.at(-1) ?? "")}`
  if (leaf.dynamic && (secret || quotes(leaf.message, value))) return unacceptable
  return leaf.about === "value" && !leaf.dynamic && value !== absent
    ? `${leaf.message}, not ${kindOf(value)}`
    : leaf.message
}

const unacceptable = "is not acceptable to the schema: change it"

/** What a value is, without the value. */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "an array"
  if (isObject(value)) return "an object"
  return typeof value === "string" ? "this text" : typeof value === "number" ? "this number" : `a ${typeof value}`
}

const leavesOf = (issue: SchemaIssue.Issue, path: ReadonlyArray<PropertyKey>): ReadonlyArray<Leaf> => {
  switch (issue._tag) {
    case "Pointer":
      return leavesOf(issue.issue, [...path, ...issue.path])
    case "Encoding":
      return leavesOf(issue.issue, path)
    case "Composite":
      return issue.issues.flatMap((inner) => leavesOf(inner, path))
    case "AnyOf":
      return ofUnion(issue, path)
    case "Filter":
      return ofFilter(issue, path)
    default:
      return [ofLeaf(issue, path)]
  }
}

/** Where no member of a union gets anywhere, the union itself is what is expected; else the problems of the members that came furthest. */
const ofUnion = (issue: SchemaIssue.AnyOf, path: ReadonlyArray<PropertyKey>): ReadonlyArray<Leaf> => {
  const leaves = issue.issues.flatMap((inner) => leavesOf(inner, path))
  const furthest = Math.max(0, ...leaves.map((leaf) => leaf.path.length))
  if (furthest > path.length) return leaves.filter((leaf) => leaf.path.length === furthest)
  if (leaves.length === 1) return leaves
  const expected = SchemaIssue.defaultLeafHook(new SchemaIssue.InvalidType(issue.ast))
  // Without an issue of its own no member was even tried.
  const ofObject = issue.issues.length === 0 ? ofKind(issue.ast, path) : undefined
  return [{ path, message: demand(expected), dynamic: false, about: "value", ofObject }]
}

/** Where one key tells the members of a union apart, that key has none of their values. */
const ofKind = (union: SchemaAST.Union, path: ReadonlyArray<PropertyKey>): Leaf | undefined => {
  const [first, ...others] = union.types.map((type) => literalsOf(SchemaAST.toEncoded(type)))
  for (const [key, literal] of first ?? []) {
    if (!others.every((literals) => literals.has(key))) continue
    const values = new Set([literal, ...others.map((literals) => literals.get(key))])
    const message = `must be ${Array.from(values, (value) => JSON.stringify(value)).join(" or ")}`
    return { path: [...path, key], message, dynamic: false, about: "value" }
  }
  return undefined
}

/** The keys of an object that can have one value only. */
const literalsOf = (ast: SchemaAST.AST): ReadonlyMap<PropertyKey, unknown> => {
  const fields = SchemaAST.isObjects(ast) ? ast.propertySignatures : []
  return new Map(
    fields.flatMap(
      ({ name, type }): ReadonlyArray<[PropertyKey, unknown]> =>
        SchemaAST.isLiteral(type) && typeof type.literal !== "bigint" ? [[name, type.literal]] : [],
    ),
  )
}

const ofFilter = (issue: SchemaIssue.Filter, path: ReadonlyArray<PropertyKey>): ReadonlyArray<Leaf> => {
  const annotations = issue.filter.annotations
  const fixed = annotations?.["message"] ?? annotations?.["expected"]
  if (typeof fixed === "string") {
    const message = annotations?.["message"] === undefined ? `must be ${fixed}` : fixed
    const keys = annotations?.["message"] === undefined ? [] : keysIn(issue.issue)
    // What is said of a key is said at that key, and not of its value.
    if (keys.length > 0)
      return keys.map((key) => ({ path: [...path, ...key], message, dynamic: false, about: "place" }))
    const target = issue.issue._tag === "Pointer" ? [...path, ...issue.issue.path] : path
    return [{ path: target, message, dynamic: false, about: "value" }]
  }
  return leavesOf(issue.issue, path)
}

/** Of a filter that looks at the keys of an object, as `isPropertyNames` does. */
const keysIn = (issue: SchemaIssue.Issue): ReadonlyArray<ReadonlyArray<PropertyKey>> =>
  issue._tag === "Composite" ? issue.issues.flatMap((inner) => (inner._tag === "Pointer" ? [inner.path] : [])) : []

const ofLeaf = (issue: SchemaIssue.Leaf, path: ReadonlyArray<PropertyKey>): Leaf => {
  const fixed = { path, dynamic: false }
  switch (issue._tag) {
    case "MissingKey":
      return { ...fixed, message: issue.annotations?.messageMissingKey, about: "place" }
    case "UnexpectedKey":
      return { ...fixed, message: "is one too many: remove it", about: "place" }
    case "InvalidType":
      return { ...fixed, message: demand(SchemaIssue.defaultLeafHook(issue)), about: "value" }
    case "InvalidValue": {
      const expected = issue.annotations?.expected
      const message =
        issue.annotations?.message ?? (typeof expected === "string" ? `must be ${expected}` : unacceptable)
      return { path, message, dynamic: true, about: "value" }
    }
    case "Forbidden":
      return { ...fixed, message: "cannot be read from a document: the schema forbids it", about: "place" }
    case "OneOf":
      return { ...fixed, message: "fits several alternatives of the schema: make it unambiguous", about: "place" }
  }
}

const demand = (expected: string): string => {
  if (!expected.startsWith("Expected ")) return expected
  const what = expected.slice("Expected ".length).replaceAll(" | ", " or ")
  return `must be ${/^(?:string|number|boolean)$/.test(what) ? "a " : /^(?:object|array|integer)$/.test(what) ? "an " : ""}${what}`
}

/** Whether a message repeats a text or a number that stands in the value. */
const quotes = (message: string, value: unknown): boolean => {
  if (typeof value === "string") return value !== "" && message.includes(value)
  if (typeof value === "number") return message.includes(String(value))
  if (Array.isArray(value)) return value.some((element) => quotes(message, element))
  return isObject(value) && Object.values(value).some((inner) => quotes(message, inner))
}
