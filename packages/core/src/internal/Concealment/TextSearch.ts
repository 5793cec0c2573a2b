/**
 * Finds many texts in another, at a cost that hardly depends on their number: each is looked up by its last letters. One regular expression for
 * all of them would be as fast, but V8 needs most of a second to compile it for a thousand keys.
 */

/** `end` is exclusive. */
export type Range = readonly [start: number, end: number]

// Keys of one kind begin alike and end differently.
const maxLetters = 8

/** Returns a function that finds `texts`, in the order of their ends. `fits` can exclude a range. */
export const searchFor = (
  texts: Iterable<string>,
  fits: (text: string, range: Range) => boolean = () => true,
): ((text: string) => ReadonlyArray<Range>) => {
  const byEnding = new Map<string, Array<string>>()
  for (const text of new Set(texts)) {
    if (text === "") continue
    const ending = text.slice(-maxLetters)
    const others = byEnding.get(ending)
    if (others === undefined) byEnding.set(ending, [text])
    else others.push(text)
  }
  const lengths = new Set(Array.from(byEnding.keys(), (ending) => ending.length))
  return (text) => {
    const found: Array<Range> = []
    for (let end = 1; end <= text.length; end++) {
      for (const length of lengths) {
        if (length > end) continue
        for (const candidate of byEnding.get(text.slice(end - length, end)) ?? []) {
          const range: Range = [end - candidate.length, end]
          if (range[0] >= 0 && text.startsWith(candidate, range[0]) && fits(text, range)) found.push(range)
        }
      }
    }
    return found
  }
}

/** Replaces each range with `marker`; overlapping ranges together. */
export const withoutRanges = (text: string, ranges: ReadonlyArray<Range>, marker: string): string => {
  if (ranges.length === 0) return text
  let kept = ""
  let from = 0
  for (const [start, end] of [...ranges].sort((left, right) => left[0] - right[0])) {
    if (start >= from) kept += text.slice(from, start) + marker
    from = Math.max(from, end)
  }
  return kept + text.slice(from)
}
