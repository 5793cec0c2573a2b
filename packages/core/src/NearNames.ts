/**
 * Finds known names that resemble a misspelt one: letters added, left out, changed or swapped, in any case. It considers names of up to 64
 * characters and at most two such slips, so that a long list costs about a millisecond.
 */

/**
 * Returns at most `limit` (3) near names, the nearest first. A name of one or two letters may differ by one slip only.
 *
 * **Example** (Suggesting a name)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { nearNames } from "@signalbox/core/NearNames"
 *
 * deepStrictEqual(nearNames("fats", ["fast", "smart"]), ["fast"])
 * ```
 */
export const nearNames = (name: string, candidates: Iterable<string>, limit = 3): ReadonlyArray<string> => {
  if (name.length === 0 || name.length > maxLength) return []
  const wanted = name.toLowerCase()
  const allowed = wanted.length < 3 ? 1 : 2
  const found: Array<readonly [slips: number, candidate: string]> = []
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) > allowed) continue
    const slips = slipsBetween(wanted, candidate.toLowerCase(), allowed)
    // A name without a common letter is not near.
    if (slips > allowed || slips >= Math.max(wanted.length, candidate.length)) continue
    found.push([slips, candidate])
    if (found.length > 64 * limit) {
      found.sort(bySlips)
      found.length = limit
    }
  }
  return found
    .sort(bySlips)
    .slice(0, limit)
    .map(([, candidate]) => candidate)
}

/** Formats near names as ` (did you mean "fast"?)`. Returns an empty text without names. */
export const didYouMean = (near: ReadonlyArray<string>): string =>
  near.length === 0 ? "" : ` (did you mean ${near.map((name) => JSON.stringify(name)).join(" or ")}?)`

const maxLength = 64

const bySlips = (a: readonly [number, string], b: readonly [number, string]): number =>
  a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0)

/** Optimal string alignment; anything above `most` may come back as `most + 1`. */
const slipsBetween = (left: string, right: string, most: number): number => {
  // The common beginning and end contain no slip; without it hardly anything is left to compare.
  let start = 0
  let [leftEnd, rightEnd] = [left.length, right.length]
  while (start < leftEnd && start < rightEnd && left[start] === right[start]) start++
  while (leftEnd > start && rightEnd > start && left[leftEnd - 1] === right[rightEnd - 1]) {
    leftEnd--
    rightEnd--
  }
  return aligned(left.slice(start, leftEnd), right.slice(start, rightEnd), most)
}

const aligned = (a: string, b: string, most: number): number => {
  if (a.length === 0 || b.length === 0) return a.length + b.length
  let beforeLast: Array<number> = []
  let last = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let least = i
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let slips = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (!same && i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        slips = Math.min(slips, beforeLast[j - 2]! + 1)
      }
      row.push(slips)
      if (slips < least) least = slips
    }
    // A row's least never falls again, and a swap adds one to that of two rows before, which is at most one smaller.
    if (least > most) return most + 1
    beforeLast = last
    last = row
  }
  return last[b.length]!
}
