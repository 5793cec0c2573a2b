/** The settings that take their values from one store, all in the same change as the snapshot. */
import { Cause, Result } from "effect"
import type { Problem } from "../../ConfigError.ts"
import { failureMessage } from "../FailureMessage.ts"
import { keysOf, knownMembers, sameValue } from "../Json.ts"

export interface Binding<in C> {
  readonly key: string
  readonly select: (config: C) => unknown
}

/** The value of each setting in `config`. Parts that equal the value in force keep its identity. */
export const settingValues = <C>(
  bindings: Iterable<Binding<C>>,
  config: C,
  current: ReadonlyMap<string, unknown>,
): Result.Result<ReadonlyMap<string, unknown>, ReadonlyArray<Problem>> => {
  const values = new Map<string, unknown>()
  const problems: Array<Problem> = []
  for (const { key, select } of bindings) {
    try {
      const value = select(config)
      values.set(key, share(current.get(key), value))
    } catch (thrown) {
      const reason = failureMessage(Cause.die(thrown), [config])
      problems.push({ by: key, path: "", message: `the setting cannot be taken from this configuration: ${reason}` })
    }
  }
  return problems.length > 0 ? Result.fail(problems) : Result.succeed(values)
}

/** `next`, with each part that equals `previous` at the same place replaced by it: a new object from `select` would look changed at every revision. */
export const share = (previous: unknown, next: unknown): unknown => {
  if (Object.is(previous, next)) return previous
  if (!isPlain(previous) || !isPlain(next)) return sameValue(previous, next) ? previous : next
  // Nearly all of thousands of members are unchanged: the remembered keys and values of large records make that cheap to see.
  const [before, after] = [knownMembers(previous), knownMembers(next)]
  const keys = keysOf(next)
  let shared: Record<string, unknown> | undefined
  let same = keys.length === keysOf(previous).length
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]!
    const is = after === undefined ? next[key] : after.values[index]
    const inPlace = before !== undefined && before.keys[index] === key
    if (inPlace && Object.is(before.values[index], is)) continue
    const was = Object.hasOwn(previous, key) ? previous[key] : undefined
    const value = share(was, is)
    same &&= Object.is(value, was) && Object.hasOwn(previous, key)
    if (Object.is(value, is)) continue
    // Not a spread: it would turn a key `__proto__` into a prototype.
    shared ??= Object.fromEntries(Object.entries(next))
    Object.defineProperty(shared, key, { value, enumerable: true, writable: true, configurable: true })
  }
  if (same) return previous
  return shared === undefined ? next : Object.freeze(shared)
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype
