/** Which documents come before the one in force, as the history tells it. */

/**
 * The hashes to go back to, nearest first. `hashes` is the history, newest first. A step back is an entry of its own there, so that the
 * history reads A, B, C, B after one: it counts as a return to the first B and not as something new, and the next step back leads to A.
 */
export const predecessors = (hashes: ReadonlyArray<string>, current: string): ReadonlyArray<string> => {
  const path: Array<string> = []
  for (const hash of hashes.toReversed()) {
    if (path.at(-1) === hash) continue
    if (path.at(-2) === hash) path.pop()
    else path.push(hash)
  }
  const place = path.lastIndexOf(current)
  return place < 0 ? [] : path.slice(0, place).reverse()
}
