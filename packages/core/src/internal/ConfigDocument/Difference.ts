/** Effective differences between two configurations, as JSON Pointers. Members of objects are followed; an array is one value. */
import { Redacted } from "effect"
import { pointer, type Tokens } from "../../JsonPointer.ts"
import { looksLikeSecret } from "../../SecretForms.ts"
import { absent, isObject, lookup, put } from "../Json.ts"
import { membersOf } from "../StructuralSharing.ts"
import type { Change } from "./Types.ts"

export const maxPaths = 256

export interface Paths {
  readonly paths: ReadonlyArray<Tokens>
  readonly truncated: boolean
}

/** At most `limit` paths: first in the order of `before`, then what is new. */
export const differences = (before: unknown, after: unknown, limit = maxPaths): Paths => {
  const paths: Array<Tokens> = []
  const path: Array<string> = []
  let truncated = false
  const compare = (key: string, left: unknown, right: unknown): void => {
    if (truncated || Object.is(left, right)) return
    path.push(key)
    visit(left, right)
    path.pop()
  }
  const visit = (left: unknown, right: unknown): void => {
    if (!isBranch(left) || !isBranch(right)) {
      if (equivalent(left, right)) return
      if (paths.length < limit) paths.push([...path])
      else truncated = true
      return
    }
    const was = membersOf(left)
    const is = membersOf(right)
    for (let index = 0; index < was.keys.length; index++) {
      const key = was.keys[index]!
      const value = is.keys[index] === key ? is.values[index] : Object.hasOwn(right, key) ? right[key] : absent
      compare(key, was.values[index], value)
    }
    for (let index = 0; index < is.keys.length; index++) {
      const key = is.keys[index]!
      if (was.keys[index] !== key && !Object.hasOwn(left, key)) compare(key, absent, is.values[index])
    }
  }
  if (!Object.is(before, after)) visit(before, after)
  return { paths, truncated }
}

const isBranch = (value: unknown): value is Readonly<Record<string, unknown>> =>
  isObject(value) && !Redacted.isRedacted(value)

/** Whether two values have no effective difference: the order of keys does not count. */
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

/** A copy with the marker in place of each secret, and of each text that has the form of one. */
export const reveal = (value: unknown, marker: string): unknown =>
  mapSecrets(
    value,
    () => marker,
    (text) => (looksLikeSecret(text) ? marker : text),
  )

/** A copy with its secrets in plain text. Only for texts that hold them anyway. */
export const unwrap = (value: unknown): unknown => mapSecrets(value, Redacted.value)

const mapSecrets = (
  value: unknown,
  replace: (secret: Redacted.Redacted<unknown>) => unknown,
  replaceText: (text: string) => string = (text) => text,
): unknown => {
  if (Redacted.isRedacted(value)) return replace(value)
  if (typeof value === "string") return replaceText(value)
  if (Array.isArray(value)) return value.map((element) => mapSecrets(element, replace, replaceText))
  if (!isObject(value)) return value
  const copy: Record<string, unknown> = {}
  const { keys, values } = membersOf(value)
  for (let index = 0; index < keys.length; index++) {
    put(copy, keys[index]!, mapSecrets(values[index], replace, replaceText))
  }
  return copy
}

/** Before and after values at some paths, with the marker in place of each secret. */
export const changesAt = (
  paths: ReadonlyArray<Tokens>,
  before: unknown,
  after: unknown,
  marker: string,
): ReadonlyArray<Change> => {
  const valueAt = (root: unknown, tokens: Tokens): unknown => {
    const value = lookup(root, tokens)
    return value === absent ? undefined : reveal(value, marker)
  }
  return paths.map((tokens) => ({
    path: pointer(tokens),
    before: valueAt(before, tokens),
    after: valueAt(after, tokens),
  }))
}
