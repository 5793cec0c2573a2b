/** Names that somebody may have meant. */

/** Those of `candidates` with the fewest edits from `name`: at most two, and fewer than half of its letters; at most three names. */
export const nearNames = (name: string, candidates: Iterable<string>): ReadonlyArray<string> => {
  const limit = Math.min(2, Math.floor((name.length - 1) / 2))
  let best = limit
  let near: Array<string> = []
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) > best) continue
    const distance = fold(candidate) === fold(name) ? 0 : editDistance(fold(name), fold(candidate))
    if (distance > best) continue
    if (distance < best) near = []
    best = distance
    near.push(candidate)
  }
  return near.slice(0, 3)
}

/** Case and separators are what people get wrong first. */
const fold = (name: string): string => name.toLowerCase().replaceAll(/[-_ .]/g, "")

/** Insertions, deletions, replacements and swaps of neighbours. */
const editDistance = (left: string, right: string): number => {
  let older: Array<number> = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row++) {
    const current = [row]
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1]
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1))
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      if (row > 1 && column > 1 && swapped) cost = Math.min(cost, older[column - 2]! + 1)
      current.push(cost)
    }
    older = previous
    previous = current
  }
  return previous[right.length]!
}
