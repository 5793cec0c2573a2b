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

/** Optimal string alignment of the texts from `i` and `j` on. A result above `most` only states that there are more slips. */
const slipsBetween = (a: string, b: string, most: number, i = 0, j = 0): number => {
  while (i < a.length && a[i] === b[j]) {
    i++
    j++
  }
  if (i === a.length || j === b.length) return a.length - i + b.length - j
  if (most === 0) return 1
  const after = (left: number, right: number) => slipsBetween(a, b, most - 1, i + left, j + right)
  const swapped = a[i] === b[j + 1] && a[i + 1] === b[j] ? after(2, 2) : most
  return 1 + Math.min(after(1, 1), after(1, 0), after(0, 1), swapped)
}
