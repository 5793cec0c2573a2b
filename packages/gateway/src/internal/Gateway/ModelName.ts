/** Replaces the model name in the bytes of a JSON object: in its own member `model` only. Every other byte stays. */
import type { JsonMembers } from "../JsonMembers.ts"

/** Returns the name as a JSON string, in bytes. */
export const jsonName = (name: string): Buffer => Buffer.from(JSON.stringify(name))

/** Returns the ranges of the model name: start and end in turn, ascending. Only strings are names. */
export const namesIn = (bytes: Uint8Array, members: JsonMembers): ReadonlyArray<number> => {
  const { furtherModels, modelEnd, modelStart } = members
  if (modelStart === -1) return none
  const all = furtherModels === undefined ? [modelStart, modelEnd] : [modelStart, modelEnd, ...furtherModels]
  if (furtherModels === undefined) return bytes[modelStart] === quote ? all : none
  return all.filter((_, index) => bytes[all[index & ~1]!] === quote)
}

/** Returns a copy of the bytes from `start` to `end` with `name` in each range, or the bytes themselves if `ranges` is empty. */
export const renamed = (
  bytes: Buffer,
  start: number,
  end: number,
  ranges: ReadonlyArray<number>,
  name: Buffer,
): Buffer => {
  if (ranges.length === 0) return bytes.subarray(start, end)
  let length = end - start
  for (let i = 0; i < ranges.length; i += 2) length += name.length - (ranges[i + 1]! - ranges[i]!)
  const copy = Buffer.allocUnsafe(length)
  let from = start
  let to = 0
  for (let i = 0; i < ranges.length; i += 2) {
    to += bytes.copy(copy, to, from, ranges[i]!)
    to += name.copy(copy, to)
    from = ranges[i + 1]!
  }
  bytes.copy(copy, to, from, end)
  return copy
}

const none: ReadonlyArray<number> = []
const quote = 0x22
