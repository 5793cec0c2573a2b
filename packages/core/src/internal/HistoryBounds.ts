/** How much history is kept, and what of it is there already. */
import { Context } from "effect"
import type { HistoryEntry, Keeping } from "../ConfigSource.ts"

/** What is kept; the oldest goes first. The newest always stays, and the newest that was in force. */
export interface HistoryBounds {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Default: 100 documents and 16 MiB, whichever is reached first. */
export const HistoryBounds: Context.Reference<HistoryBounds> = Context.Reference<HistoryBounds>(
  "@signalbox/core/ConfigSource/HistoryBounds",
  { defaultValue: () => ({ maxEntries: 100, maxBytes: 16 * 1024 * 1024 }) },
)

/** Those of `entries`, newest first, that are too many. */
export const beyondBounds = <Entry extends Pick<HistoryEntry, "bytes" | "neverInForce">>(
  entries: ReadonlyArray<Entry>,
  bounds: HistoryBounds,
): ReadonlyArray<Entry> => {
  const stays = new Set([entries[0], entries.find(wasInForce)])
  let { maxBytes, maxEntries } = bounds
  const fits = (entry: Entry | undefined): boolean => {
    if (entry === undefined) return true
    maxEntries -= 1
    maxBytes -= entry.bytes
    return maxEntries >= 0 && maxBytes >= 0
  }
  for (const entry of stays) fits(entry)
  return entries.filter((entry) => !stays.has(entry) && !fits(entry))
}

export const wasInForce = ({ neverInForce }: Pick<HistoryEntry, "neverInForce">): boolean => neverInForce === undefined

/** Whether `entries`, newest first, need no other one for this document. */
export const isKept = (
  entries: ReadonlyArray<Pick<HistoryEntry, "hash" | "neverInForce">>,
  hash: string,
  { after, neverInForce }: Keeping,
): boolean => {
  const newest = entries.findIndex(wasInForce)
  if (newest >= 0 && entries[newest]?.hash === hash) return true
  if (neverInForce === undefined) {
    const place = after === undefined ? 0 : entries.findIndex((entry) => entry.hash === after)
    return entries.slice(0, Math.max(0, place)).some((entry) => entry.hash === hash && wasInForce(entry))
  }
  const since = newest < 0 ? entries : entries.slice(0, newest)
  return since.some((entry) => entry.hash === hash && entry.neverInForce === neverInForce)
}
