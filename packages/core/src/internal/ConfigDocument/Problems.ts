/**
 * Problems of a document, in words that come from the schema and never from the document: Schema's own messages may quote a value, and a
 * value may be a secret. The list is bounded: the 257th problem is a count.
 */
import { Cause, Option, SchemaAST, SchemaIssue } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { absent, isObject, lookup } from "../Json.ts"
import type { Shapes, View } from "./Shape.ts"
import type { Position } from "./Text.ts"

export const maxProblems = 256

/** A problem without its line and column. */
export interface UnplacedProblem {
  readonly by: "parser" | "schema"
  readonly path: Tokens
  readonly message: string
  /** Which place of the text it points at; `nowhere` where the value does not come from the text. */
  readonly at: "value" | "key" | "nowhere"
}

/** Problems in the order of their discovery. A full list only counts. */
export class ProblemList {
  readonly list: Array<UnplacedProblem> = []
  count = 0

  get isFull(): boolean {
    return this.list.length >= maxProblems
  }

  add(problem: UnplacedProblem): undefined {
    this.count++
    if (!this.isFull) this.list.push(problem)
  }

  addAll({ count, list }: ProblemList, change: (problem: UnplacedProblem) => UnplacedProblem = (same) => same): void {
    for (const problem of list) this.add(change(problem))
    this.count += count - list.length
  }
}

/** Sorts as a person reads the text. The order of keys in an object depends on how the document was loaded. */
export const asInText = (left: Problem, right: Problem): number =>
  (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0)

/** Gives each problem its line and column. */
export const locate = (
  { count, list }: ProblemList,
  positionOf: (tokens: Tokens, at: "value" | "key") => Position,
): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = list.map(({ at, by, message, path }) => ({
    by,
    path: pointer(path),
    ...(at === "nowhere" ? {} : positionOf(path, at)),
    message,
  }))
  problems.sort(asInText)
  const more = count - list.length
  return more > 0
    ? [...problems, { by: "schema", path: "", ...positionOf([], "value"), message: `and ${more} more` }]
    : problems
}

interface Leaf {
  readonly path: ReadonlyArray<PropertyKey>
  /** `undefined` where a key is missing. */
  readonly message: string | undefined
  /** The message demands another value, concerns the place, or comes from code that saw the value. */
  readonly about: "value" | "place" | "seen"
  /** Takes the place of this leaf where the value is an object. */
  readonly ofObject?: Leaf | undefined
}

/** A value that Schema refused. */
export interface Refused {
  readonly input: unknown
  /** The path of the value. */
  readonly base: Tokens
  readonly shapes: Shapes
  readonly view: View
  /** How many parts at the head of each issue's path belong to the decoder, not to the document. */
  readonly skip: number
}

export const addIssues = (
  problems: ProblemList,
  cause: Cause.Cause<SchemaIssue.Issue>,
  refused: Refused,
): undefined => {
  const { base, input, shapes, skip, view } = refused
  const issue = Option.getOrUndefined(Cause.findErrorOption(cause))
  if (issue === undefined) {
    const message = "the schema's own code fails on this value: change the value, or correct the schema"
    return problems.add({ by: "schema", path: [...base], message, at: "value" })
  }
  for (const found of leavesOf(issue, [])) {
    if (problems.isFull) {
      problems.count++
      continue
    }
    const there = found.ofObject && lookup(input, shapes.translate(view, found.path.slice(skip)))
    const leaf = found.ofObject !== undefined && isObject(there) ? found.ofObject : found
    const path = shapes.translate(view, leaf.path.slice(skip))
    const value = lookup(input, path)
    const place = path.reduce((inner, token) => shapes.step(inner, token), view)
    const full = [...base, ...path]
    problems.add({
      by: "schema",
      path: full,
      message: wording(leaf, value, full, shapes.hasSecret(place)),
      at: "value",
    })
  }
}

export const missing = (path: Tokens): string => `is missing: add the key ${JSON.stringify(path.at(-1) ?? "")}`

const wording = (leaf: Leaf, value: unknown, path: Tokens, secret: boolean): string => {
  if (leaf.message === undefined) return missing(path)
  if (leaf.about === "seen" && (secret || quotes(leaf.message, value))) return unacceptable
  return leaf.about === "value" && value !== absent && !isOfKind(leaf.message, value)
    ? `${leaf.message}, not ${kindOf(value)}`
    : leaf.message
}

/** Whether a message already asks for a value of this kind, so that the kind is not what is wrong. */
const isOfKind = (message: string, value: unknown): boolean =>
  typeof value === "string" ? /"|\bstring\b/.test(message) : typeof value === "number" && /\d|\binteger\b/.test(message)

const unacceptable = "is not acceptable to the schema: change it"

/** Names the kind of a value, without the value. */
export const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "an array"
  if (isObject(value)) return "an object"
  return `a ${typeof value}`
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

/** The union itself is expected where no member gets past this value; otherwise the problems of the members that got furthest count. */
const ofUnion = (issue: SchemaIssue.AnyOf, path: ReadonlyArray<PropertyKey>): ReadonlyArray<Leaf> => {
  const leaves = issue.issues.flatMap((inner) => leavesOf(inner, path))
  const furthest = Math.max(0, ...leaves.map((leaf) => leaf.path.length))
  if (furthest > path.length) return leaves.filter((leaf) => leaf.path.length === furthest)
  if (leaves.length === 1) return leaves
  const expected = SchemaIssue.defaultLeafHook(new SchemaIssue.InvalidType(issue.ast))
  // Without an issue of its own, Schema did not try any member.
  const ofObject = issue.issues.length === 0 ? ofKind(issue.ast, path) : undefined
  return [{ path, message: demand(expected), about: "value", ofObject }]
}

/** One key can tell all members of a union apart; then its value is none of theirs. */
const ofKind = (union: SchemaAST.Union, path: ReadonlyArray<PropertyKey>): Leaf | undefined => {
  const [first, ...others] = union.types.map((type) => literalsOf(SchemaAST.toEncoded(type)))
  for (const [key, literal] of first ?? []) {
    if (!others.every((literals) => literals.has(key))) continue
    const values = new Set([literal, ...others.map((literals) => literals.get(key))])
    const message = `must be ${Array.from(values, (value) => JSON.stringify(value)).join(" or ")}`
    return { path: [...path, key], message, about: "value" }
  }
  return undefined
}

/** The keys of an object that can have only one value. */
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
    // A problem with a key points at that key, not at its value.
    if (keys.length > 0) return keys.map((key) => ({ path: [...path, ...key], message, about: "place" }))
    const target = issue.issue._tag === "Pointer" ? [...path, ...issue.issue.path] : path
    // A message of the schema's own is a whole sentence.
    const about = annotations?.["message"] === undefined ? "value" : "place"
    return [{ path: target, message, about }]
  }
  return leavesOf(issue.issue, path)
}

/** The keys that a filter over the keys of an object refuses, as `isPropertyNames` does. */
const keysIn = (issue: SchemaIssue.Issue): ReadonlyArray<ReadonlyArray<PropertyKey>> =>
  issue._tag === "Composite" ? issue.issues.flatMap((inner) => (inner._tag === "Pointer" ? [inner.path] : [])) : []

const ofLeaf = (issue: SchemaIssue.Leaf, path: ReadonlyArray<PropertyKey>): Leaf => {
  switch (issue._tag) {
    case "MissingKey":
      return { path, message: issue.annotations?.messageMissingKey, about: "place" }
    case "UnexpectedKey":
      return { path, message: "is one too many: remove it", about: "place" }
    case "InvalidType":
      return { path, message: demand(SchemaIssue.defaultLeafHook(issue)), about: "value" }
    case "InvalidValue": {
      const expected = issue.annotations?.expected
      const message =
        issue.annotations?.message ?? (typeof expected === "string" ? `must be ${expected}` : unacceptable)
      return { path, message, about: "seen" }
    }
    case "Forbidden":
      return { path, message: "cannot be read from a document: the schema forbids it", about: "place" }
    case "OneOf":
      return { path, message: "fits several alternatives of the schema: make it unambiguous", about: "place" }
  }
}

const demand = (expected: string): string => {
  if (!expected.startsWith("Expected ")) return expected
  const what = expected.slice("Expected ".length).replaceAll(" | ", " or ")
  if (what === "boolean") return "must be true or false"
  return `must be ${/^(?:string|number|boolean)$/.test(what) ? "a " : /^(?:object|array|integer)$/.test(what) ? "an " : ""}${what}`
}

/** Whether a message repeats a text or a number of the value. */
const quotes = (message: string, value: unknown): boolean => {
  if (typeof value === "string") return value !== "" && message.includes(value)
  if (typeof value === "number") return message.includes(String(value))
  if (Array.isArray(value)) return value.some((element) => quotes(message, element))
  return isObject(value) && Object.values(value).some((inner) => quotes(message, inner))
}
