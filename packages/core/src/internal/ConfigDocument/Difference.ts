/** What differs between two effective configurations, as JSON Pointers. Members of objects are followed; an array is one value. */
import { Redacted } from "effect"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { absent, isObject, keysOf, knownMembers, lookup, type Members, put } from "../Json.ts"
import type { Shapes } from "./Shape.ts"

export const maxPaths = 256

export interface Paths {
  readonly paths: ReadonlyArray<Tokens>
  readonly truncated: boolean
}

/** At most `limit` paths, in the order of the configuration before, then what is new. Nothing differs besides what is at or below `within`. */
export const differences = (before: unknown, after: unknown, limit = maxPaths, within: Tokens = []): Paths => {
  const paths: Array<Tokens> = []
  let truncated = false
  const add = (path: Tokens): void => {
    if (paths.length < limit) paths.push(path)
    else truncated = true
  }
  const visit = (left: unknown, right: unknown, path: Tokens): void => {
    if (truncated || Object.is(left, right)) return
    if (!isBranch(left) || !isBranch(right)) {
      if (!equivalent(left, right)) add(path)
      return
    }
    const known = knownMembers(left)
    const others = knownMembers(right)
    // large objects are compared by columns as far as their keys agree
    const aligned = known !== undefined && others !== undefined ? alignedMembers(known, others) : 0
    for (let index = 0; index < aligned; index++) {
      const was = known!.values[index]
      const is = others!.values[index]
      if (!Object.is(was, is)) visit(was, is, [...path, known!.keys[index]!])
    }
    const keys = keysOf(left)
    for (let index = aligned; index < keys.length; index++) {
      const key = keys[index]!
      if (!Object.hasOwn(right, key)) add([...path, key])
      else if (!Object.is(left[key], right[key])) visit(left[key], right[key], [...path, key])
    }
    const rightKeys = keysOf(right)
    for (let index = aligned; index < rightKeys.length; index++) {
      const key = rightKeys[index]!
      if (!Object.hasOwn(left, key)) add([...path, key])
    }
  }
  visit(lookup(before, within), lookup(after, within), within)
  return { paths, truncated }
}

const alignedMembers = (left: Members, right: Members): number => {
  let index = 0
  while (index < left.keys.length && left.keys[index] === right.keys[index]) index++
  return index
}

const isBranch = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && !Redacted.isRedacted(value)

/** Equal as JSON, in whatever order the keys stand. */
export const equivalent = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true
  if (Redacted.isRedacted(left)) {
    return Redacted.isRedacted(right) && equivalent(Redacted.value(left), Redacted.value(right))
  }
  if (Array.isArray(left)) {
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((element, index) => equivalent(element, right[index]))
    )
  }
  return isBranch(left) && isBranch(right) && differences(left, right, 1).paths.length === 0
}

/** A value as people may see it. */
export const reveal = (value: unknown, marker: string): unknown => {
  if (value === absent) return undefined
  if (Redacted.isRedacted(value)) return marker
  if (Array.isArray(value)) return value.map((element) => reveal(element, marker))
  if (!isObject(value)) return value
  const shown: Record<string, unknown> = {}
  for (const key of keysOf(value)) put(shown, key, reveal(value[key], marker))
  return shown
}

/** A value with its secrets in the open. Only for texts that hold them anyway. */
export const unwrap = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return Redacted.value(value)
  if (Array.isArray(value)) return value.map(unwrap)
  if (!isObject(value)) return value
  const plain: Record<string, unknown> = {}
  for (const key of keysOf(value)) put(plain, key, unwrap(value[key]))
  return plain
}

export const changesBetween = (before: unknown, after: unknown, paths: ReadonlyArray<Tokens>, marker: string) =>
  paths.map((tokens) => ({
    path: pointer(tokens),
    before: reveal(lookup(before, tokens), marker),
    after: reveal(lookup(after, tokens), marker),
  }))

export const needsRestart = (shapes: Shapes, tokens: Tokens): boolean => shapes.hasRestart(shapes.at(tokens))
