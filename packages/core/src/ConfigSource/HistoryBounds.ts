/** How much history is kept. */
import { Context } from "effect"

/** What is kept; the oldest goes first, the newest always stays. */
export interface HistoryBounds {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Default: 100 documents and 16 MiB, whichever is reached first. */
export const HistoryBounds: Context.Reference<HistoryBounds> = Context.Reference<HistoryBounds>(
  "@signalbox/core/ConfigSource/HistoryBounds",
  { defaultValue: () => ({ maxEntries: 100, maxBytes: 16 * 1024 * 1024 }) },
)

/** How many of `entries`, newest first, may stay. */
export const withinBounds = (entries: ReadonlyArray<{ readonly bytes: number }>, bounds: HistoryBounds): number => {
  let bytes = 0
  const over = entries.findIndex((entry, index) => {
    bytes += entry.bytes
    return index > 0 && (index >= bounds.maxEntries || bytes > bounds.maxBytes)
  })
  return over < 0 ? entries.length : over
}
