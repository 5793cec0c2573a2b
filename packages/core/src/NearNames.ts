/**
 * Which of the known names somebody may have meant: by letters added, left out, changed or swapped with their neighbour, whatever their case.
 * It looks only at names of up to 64 characters and never further than two such slips, so that a long list costs about a millisecond.
 */

/** The nearest names, nearest first, at most `limit` (3). Those of other length cost nothing; a short name must come closer. */
export const nearNames = (name: string, candidates: Iterable<string>, limit = 3): ReadonlyArray<string> => {
  if (name.length === 0 || name.length > maxLength) return []
  const wanted = name.toLowerCase()
  const allowed = wanted.length < 3 ? 1 : 2
  const found: Array<readonly [slips: number, candidate: string]> = []
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) > allowed) continue
    const slips = slipsBetween(wanted, candidate.toLowerCase(), allowed)
    // A name of which nothing is left is no neighbour.
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

/** ` (did you mean "fast"?)`, or nothing. */
export const didYouMean = (near: ReadonlyArray<string>): string =>
  near.length === 0 ? "" : ` (did you mean ${near.map((name) => JSON.stringify(name)).join(" or ")}?)`

const maxLength = 64

const bySlips = (a: readonly [number, string], b: readonly [number, string]): number =>
  a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0)

/** Optimal string alignment; anything above `most` may come back as `most + 1`. */
const slipsBetween = (left: string, right: string, most: number): number => {
  // What both begin and end with is no slip; without it hardly anything is left to compare.
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
