/**
 * Structural sharing: what equals the previous value keeps the previous value's identity, so that `Object.is` shows what changed.
 * Equality is that of JSON, key order and the sign of zero included, because a reader of the configuration sees both.
 */
import { Equal, Redacted } from "effect"
import { absent, isPlain, maxDepth, type PlainObject, put } from "./Json.ts"

/** The keys of an object and their values, in the same order. */
export interface Members<out A = unknown> {
  readonly keys: ReadonlyArray<string>
  readonly values: ReadonlyArray<A>
}

const largeObject = 64

/** Members of large frozen objects: to enumerate one of 10,000 keys and look them up costs a third of parsing it. */
const largeObjects = new WeakMap<object, Members>()

/** The members of a large frozen object whose members were read or made before. */
export const largeMembersOf = (value: PlainObject): Members | undefined => largeObjects.get(value)

export const membersOf = <A>(value: Readonly<Record<string, A>>): Members<A> => {
  const known = largeObjects.get(value)
  // An object has one type of values.
  if (known !== undefined) return known as Members<A>
  const keys = Object.keys(value)
  const members = { keys, values: keys.map((key) => value[key]!) }
  if (keys.length > largeObject && Object.isFrozen(value)) largeObjects.set(value, members)
  return members
}

/** Makes a frozen object of members. */
export const objectOf = (members: Members): PlainObject => {
  const { keys, values } = members
  const object: Record<string, unknown> = {}
  // For large objects this takes half the time of a spread or of Object.fromEntries.
  for (let index = 0; index < keys.length; index++) put(object, keys[index]!, values[index])
  if (keys.length > largeObject) largeObjects.set(object, members)
  return Object.freeze(object)
}

/** Compares values as JSON, and what a schema made (durations, redacted values) by `Equal`. */
export const sameValue = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false
  if (Array.isArray(left)) {
    if (!Array.isArray(right) || left.length !== right.length) return false
    for (let index = 0; index < left.length; index++) if (!sameValue(left[index], right[index])) return false
    return true
  }
  if (!isPlain(left) || !isPlain(right)) return sameInstance(left, right)
  const keys = Object.keys(right)
  let index = 0
  for (const key in left) if (key !== keys[index++] || !sameValue(left[key], right[key])) return false
  return index === keys.length
}

const sameInstance = (left: object, right: object): boolean => {
  if (Redacted.isRedacted(left)) {
    return Redacted.isRedacted(right) && sameValue(Redacted.value(left), Redacted.value(right))
  }
  return Object.getPrototypeOf(left) === Object.getPrototypeOf(right) && Equal.equals(left, right)
}

interface Mode {
  /** Present for freshly parsed JSON, which is changed in place and frozen. */
  readonly inspection?: Inspection
  /** Objects whose keys are in another order are equal. */
  readonly anyOrder?: boolean
}

/** Whether `adopt` has found a fault; `findFaults` finds where. */
export interface Inspection {
  isFaulty: boolean
}

/** Returns `next` with each part that equals `previous` at the same path replaced by it; `previous` itself where all is equal. */
export const share = (previous: unknown, next: unknown, mode: Pick<Mode, "anyOrder"> = {}): unknown =>
  shareAt(previous, next, 0, mode)

/** Does the same with freshly parsed JSON, in place, freezes it, and notes whether it holds what no document may hold. */
export const adopt = (previous: unknown, parsed: unknown, inspection: Inspection): unknown =>
  shareAt(previous, parsed, 0, { inspection })

const shareAt = (previous: unknown, next: unknown, depth: number, mode: Mode): unknown => {
  const { inspection } = mode
  if (typeof next !== "object" || next === null) {
    if (inspection !== undefined && typeof next === "number" && !Number.isFinite(next)) inspection.isFaulty = true
    return next
  }
  if (Object.is(previous, next)) return next
  if (inspection !== undefined && depth >= maxDepth) {
    inspection.isFaulty = true
    return next
  }
  if (Array.isArray(next)) return shareArray(Array.isArray(previous) ? previous : undefined, next, depth, mode)
  if (!isPlain(next)) return sameValue(previous, next) ? previous : next
  const before = typeof previous === "object" && previous !== null && isPlain(previous) ? previous : undefined
  if (before === undefined && inspection === undefined) return next
  return shareObject(before, next, depth, mode)
}

const shareArray = (
  before: ReadonlyArray<unknown> | undefined,
  next: Array<unknown>,
  depth: number,
  mode: Mode,
): unknown => {
  let shared: Array<unknown> | undefined = mode.inspection === undefined ? undefined : next
  let same = before !== undefined && before.length === next.length
  for (let index = 0; index < next.length; index++) {
    const was = before?.[index]
    const value = shareAt(was, next[index], depth + 1, mode)
    if (!Object.is(value, next[index])) {
      shared ??= [...next]
      shared[index] = value
    }
    if (same && !Object.is(value, was)) same = false
  }
  if (same) return before
  return shared === undefined ? next : Object.freeze(shared)
}

const shareObject = (before: PlainObject | undefined, next: PlainObject, depth: number, mode: Mode): unknown => {
  const { inspection } = mode
  const { keys, values } = membersOf(next)
  const known = before === undefined ? undefined : membersOf(before)
  let shared: Array<unknown> | undefined
  let aligned = known !== undefined && known.keys.length === keys.length
  let same = aligned
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    let was: unknown = absent
    if (known?.keys[index] === key) was = known.values[index]
    else {
      aligned = false
      if (mode.anyOrder !== true) same = false
      if (before !== undefined && Object.hasOwn(before, key)) was = before[key]
    }
    if (inspection !== undefined && key === "__proto__") inspection.isFaulty = true
    const value = shareAt(was, values[index], depth + 1, mode)
    if (!Object.is(value, values[index])) {
      shared ??= [...values]
      shared[index] = value
    }
    if (same && !Object.is(value, was)) same = false
  }
  if (same) return before
  // Objects with the same keys share the list of them, so that a check of the keys need not run again.
  const members = { keys: aligned ? known!.keys : keys, values: shared ?? values }
  if (inspection !== undefined) return settle(next, members, shared !== undefined)
  return shared === undefined ? next : objectOf(members)
}

/** Writes the members back into the parsed object and freezes it. */
const settle = (parsed: Record<string, unknown>, members: Members, changed: boolean): PlainObject => {
  const { keys, values } = members
  if (changed) for (let index = 0; index < keys.length; index++) parsed[keys[index]!] = values[index]
  if (keys.length > largeObject) largeObjects.set(parsed, members)
  return Object.freeze(parsed)
}
