/**
 * Plain JSON values as the document's parts use them: frozen, shared between one revision and the next, addressed by JSON Pointers (RFC 6901).
 * Comparison respects key order and the sign of zero, because a reader of the configuration can see both.
 */
import { Equal, Redacted } from "effect"
import { arrayIndex, type Tokens } from "../JsonPointer.ts"

/** Deeper nesting is refused: recursive readers (ours and other people's) must not run out of stack. */
export const maxDepth = 200

/** A key's value that is not there; `undefined` is no JSON value, but Schema may produce it. */
export const absent: unique symbol = Symbol("absent")

export type PlainObject = Readonly<Record<string, unknown>>

export const isObject = (value: unknown): value is PlainObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isPlain = (value: object): boolean => {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Own members only: `toString` is no key of a document. */
export const member = (value: unknown, key: string): unknown =>
  isObject(value) ? (Object.hasOwn(value, key) ? value[key] : absent) : absent

const largeObject = 64

/** An object's keys and what stands under them, in the same order. */
export interface Members {
  readonly keys: ReadonlyArray<string>
  readonly values: ReadonlyArray<unknown>
}

/**
 * Enumerating a large object and looking up its members costs a third of parsing it: both are remembered while it lives.
 */
const largeObjects = new WeakMap<object, Members>()

/** For frozen objects. */
export const membersOf = (value: object): Members => {
  const known = largeObjects.get(value)
  if (known !== undefined) return known
  const keys = Object.keys(value)
  const values = keys.map((key) => (value as PlainObject)[key])
  if (keys.length > largeObject) largeObjects.set(value, { keys, values })
  return { keys, values }
}

/** For frozen objects. */
export const keysOf = (value: object): ReadonlyArray<string> => largeObjects.get(value)?.keys ?? Object.keys(value)

/** The members of an object that is large and known. */
export const knownMembers = (value: object): Members | undefined => largeObjects.get(value)

/** A frozen object made of members; `__proto__` is none of its keys. */
export const objectOf = (members: Members): PlainObject => {
  const { keys, values } = members
  const record: Record<string, unknown> = {}
  // half the time of a spread or of Object.fromEntries, for large objects
  for (let index = 0; index < keys.length; index++) record[keys[index]!] = values[index]
  if (keys.length > largeObject) largeObjects.set(record, members)
  return Object.freeze(record)
}

/** What `adopt` finds on its way; where it is, `findFaults` tells. */
export interface Findings {
  faulty: boolean
}

/**
 * Freezes freshly parsed JSON and replaces every subtree that equals the one in `previous` by that one. Answers `previous` itself where all is equal.
 * Marks as faulty what no document may hold: numbers beyond the range of a double, `__proto__`, deep nesting.
 */
export const adopt = (next: unknown, previous: unknown, depth: number, findings: Findings): unknown => {
  if (typeof next !== "object" || next === null) {
    if (typeof next === "number" && !Number.isFinite(next)) findings.faulty = true
    return next
  }
  if (depth >= maxDepth) {
    findings.faulty = true
    return next
  }
  return Array.isArray(next)
    ? adoptArray(next, previous, depth, findings)
    : adoptObject(next as Record<string, unknown>, previous, depth, findings)
}

const adoptArray = (next: Array<unknown>, previous: unknown, depth: number, findings: Findings): unknown => {
  const before: ReadonlyArray<unknown> | undefined = Array.isArray(previous) ? previous : undefined
  let same = before !== undefined && before.length === next.length
  for (let index = 0; index < next.length; index++) {
    const was = before?.[index]
    const value = next[index]
    const shared = adopt(value, was, depth + 1, findings)
    if (shared !== value) next[index] = shared
    if (same && !Object.is(shared, was)) same = false
  }
  return same ? before : Object.freeze(next)
}

const adoptObject = (next: Record<string, unknown>, previous: unknown, depth: number, findings: Findings): unknown => {
  const keys = Object.keys(next)
  return keys.length > largeObject
    ? adoptLarge(next, keys, isObject(previous) ? previous : undefined, depth, findings)
    : adoptSmall(next, keys, isObject(previous) ? previous : undefined, depth, findings)
}

const adoptSmall = (
  next: Record<string, unknown>,
  keys: ReadonlyArray<string>,
  before: PlainObject | undefined,
  depth: number,
  findings: Findings,
): unknown => {
  const beforeKeys = before === undefined ? keys : Object.keys(before)
  let same = before !== undefined && beforeKeys.length === keys.length
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    if (key === "__proto__") findings.faulty = true
    if (beforeKeys[index] !== key) same = false
    const was = before !== undefined && Object.hasOwn(before, key) ? before[key] : absent
    const value = next[key]
    const shared = adopt(value, was, depth + 1, findings)
    if (shared !== value) next[key] = shared
    if (same && !Object.is(shared, was)) same = false
  }
  return same ? before : Object.freeze(next)
}

const adoptLarge = (
  next: Record<string, unknown>,
  keys: ReadonlyArray<string>,
  before: PlainObject | undefined,
  depth: number,
  findings: Findings,
): unknown => {
  const members = before === undefined ? undefined : membersOf(before)
  const values = new Array<unknown>(keys.length)
  let same = members !== undefined && members.keys.length === keys.length
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    if (key === "__proto__") findings.faulty = true
    let was: unknown = absent
    if (members?.keys[index] === key) was = members.values[index]
    else {
      same = false
      if (before !== undefined && Object.hasOwn(before, key)) was = before[key]
    }
    const value = next[key]
    // most members are what they were: looking is cheaper than taking them over part by part
    const shared = equals(value, was) ? was : adopt(value, was, depth + 1, findings)
    values[index] = shared
    if (shared !== value) next[key] = shared
    if (same && !Object.is(shared, was)) same = false
  }
  if (same) return before
  largeObjects.set(next, { keys, values })
  return Object.freeze(next)
}

/** `sameValue` for plain JSON, as fast as it gets. */
const equals = (next: unknown, previous: unknown): boolean => {
  if (typeof next !== "object" || next === null) return Object.is(next, previous)
  if (typeof previous !== "object" || previous === null) return false
  if (Array.isArray(next)) {
    if (!Array.isArray(previous) || next.length !== previous.length) return false
    for (let index = 0; index < next.length; index++) if (!equals(next[index], previous[index])) return false
    return true
  }
  if (Array.isArray(previous)) return false
  const keys = Object.keys(previous)
  let index = 0
  for (const key in next) {
    if (key !== keys[index++] || !equals((next as PlainObject)[key], (previous as PlainObject)[key])) return false
  }
  return index === keys.length
}

export type FaultKind = "number" | "prototype" | "depth" | "value"

/** The slow companion of `adopt`: where the faults are (at most `limit`). Also tells what is no JSON at all. `above`: so many levels are around it. */
export const findFaults = (
  root: unknown,
  limit: number,
  above = 0,
): ReadonlyArray<{ readonly path: Tokens; readonly kind: FaultKind }> => {
  const found: Array<{ path: Tokens; kind: FaultKind }> = []
  const visit = (value: unknown, path: Array<string>): void => {
    if (found.length >= limit) return
    if (value === null || typeof value === "string" || typeof value === "boolean") return
    if (typeof value === "number") {
      if (!Number.isFinite(value)) found.push({ path: [...path], kind: "number" })
      return
    }
    if (typeof value !== "object" || !(Array.isArray(value) || isPlain(value))) {
      found.push({ path: [...path], kind: "value" })
      return
    }
    if (above + path.length >= maxDepth) {
      found.push({ path: [...path], kind: "depth" })
      return
    }
    for (const key of Object.keys(value)) {
      path.push(key)
      if (key === "__proto__") found.push({ path: [...path], kind: "prototype" })
      else visit((value as PlainObject)[key], path)
      path.pop()
    }
  }
  visit(root, [])
  return found
}

/** Freezes plain objects and arrays, not the instances of classes among them. */
export const freeze = <A>(value: A): A => {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    Object.freeze(value)
    for (const element of value) freeze(element)
  } else if (isPlain(value)) {
    Object.freeze(value)
    for (const key in value) freeze(value[key])
  }
  return value
}

/** Equal as JSON, key order included; what Schema made (durations, redacted values) by Equal. */
export const sameValue = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false
    for (let index = 0; index < left.length; index++) if (!sameValue(left[index], right[index])) return false
    return true
  }
  if (Array.isArray(right)) return false
  if (Redacted.isRedacted(left)) {
    return Redacted.isRedacted(right) && sameValue(Redacted.value(left), Redacted.value(right))
  }
  if (!isPlain(left) || !isPlain(right)) {
    return Object.getPrototypeOf(left) === Object.getPrototypeOf(right) && Equal.equals(left, right)
  }
  const keys = Object.keys(left)
  const others = Object.keys(right)
  if (keys.length !== others.length) return false
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    if (key !== others[index] || !sameValue((left as PlainObject)[key], (right as PlainObject)[key])) return false
  }
  return true
}

/** `next` with every part that equals `previous` at the same place replaced by it. */
export const reuse = (previous: unknown, next: unknown): unknown => {
  if (Object.is(previous, next)) return previous
  if (typeof previous !== "object" || typeof next !== "object" || previous === null || next === null) return next
  if (Array.isArray(next)) {
    if (!Array.isArray(previous)) return next
    const shared = next.map((value, index) => reuse(previous[index], value))
    if (shared.length === previous.length && shared.every((value, index) => Object.is(value, previous[index]))) {
      return previous
    }
    return Object.freeze(shared)
  }
  if (!isPlain(next) || Array.isArray(previous) || !isPlain(previous))
    return sameValue(previous, next) ? previous : next
  const keys = Object.keys(next)
  const before = Object.keys(previous)
  const shared: Record<string, unknown> = {}
  let same = keys.length === before.length
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    const was = Object.hasOwn(previous, key) ? (previous as PlainObject)[key] : absent
    const value = reuse(was, (next as PlainObject)[key])
    put(shared, key, value)
    if (key !== before[index] || !Object.is(value, was)) same = false
  }
  return same ? previous : Object.freeze(shared)
}

/** `previous` if it has the very same members in the same order, else `next`, frozen. */
export const keepShallow = (previous: unknown, next: PlainObject): PlainObject => {
  if (!isObject(previous)) return Object.freeze(next)
  const keys = Object.keys(next)
  const before = keysOf(previous)
  const same =
    keys.length === before.length &&
    keys.every((key, index) => key === before[index] && Object.is(next[key], previous[key]))
  return same ? previous : Object.freeze(next)
}

/** A frozen copy with the value under the key at an index replaced. */
export const replaceMember = (place: PlainObject, index: number, value: unknown): PlainObject => {
  const { keys, values } = membersOf(place)
  return objectOf({ keys, values: values.with(index, value) })
}

/** The same at the end of a path through objects, all of which are there. */
export const replaceDeep = (place: PlainObject, path: Tokens, value: unknown, depth = 0): PlainObject => {
  const key = path[depth]!
  const inner = depth + 1 === path.length ? value : replaceDeep(place[key] as PlainObject, path, value, depth + 1)
  return replaceMember(place, keysOf(place).indexOf(key), inner)
}

/** Assignment that takes `__proto__` for a key like any other. */
export const put = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  } else target[key] = value
}

/** The value at a path, or `absent`. */
export const lookup = (root: unknown, tokens: Tokens): unknown => {
  let value = root
  for (const token of tokens) {
    if (Array.isArray(value)) {
      const index = arrayIndex(token)
      value = index !== undefined && index < value.length ? value[index] : absent
    } else value = member(value, token)
    if (value === absent) return absent
  }
  return value
}

/**
 * A copy of `root` with the value at `tokens` set (`absent` removes it), making objects on the way; `absent` where a scalar or a missing array
 * element is in the way. Removing what is not there answers `root` itself. Not for the root.
 */
export const replaceAt = (root: unknown, tokens: Tokens, value: unknown): unknown =>
  value === absent && lookup(root, tokens) === absent ? root : replaceBelow(root, tokens, value, 0)

const replaceBelow = (place: unknown, tokens: Tokens, value: unknown, depth: number): unknown => {
  if (depth === tokens.length) return value
  const token = tokens[depth]!
  const last = depth === tokens.length - 1
  if (Array.isArray(place)) {
    const index = token === "-" ? place.length : arrayIndex(token)
    if (index === undefined || index > place.length) return absent
    if (last && value === absent) return Object.freeze(place.toSpliced(index, 1))
    const inner = replaceBelow(index < place.length ? place[index] : absent, tokens, value, depth + 1)
    return inner === absent
      ? absent
      : Object.freeze(index < place.length ? place.with(index, inner) : [...place, inner])
  }
  if (place !== absent && !isObject(place)) return absent
  const source = place === absent ? {} : place
  const inner = last ? value : replaceBelow(member(source, token), tokens, value, depth + 1)
  if (inner === absent && !last) return absent
  const copy: Record<string, unknown> = {}
  for (const key of keysOf(source)) if (key !== token || inner !== absent) put(copy, key, source[key])
  if (inner !== absent) put(copy, token, inner)
  return Object.freeze(copy)
}
