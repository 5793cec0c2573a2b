/** The documents that a configuration source keeps: their types, which of them stay within the bounds, and which need no second copy. */
import { Context, type Effect } from "effect"
import type { SourceUnavailable } from "../ConfigError.ts"

/** A document and its hash. */
export interface Stored {
  readonly text: string
  /** SHA-256 of the text's UTF-8 bytes, lower-case hexadecimal. */
  readonly hash: string
}

/**
 * Why the history keeps a document that never was in force. `refused`: a service refused it; its secrets were removed. `overwritten`: an editor
 * saved it, and a write replaced it before it could come into force.
 */
export type NeverInForce = "refused" | "overwritten"

/** A kept document without its text, which `History.read` returns. */
export interface HistoryEntry {
  readonly hash: string
  /** Milliseconds since 1970. Later than that of the entry before it, even if the clock was set back. */
  readonly at: number
  readonly bytes: number
  /** Present for an undo: the hash, or its first 16 digits, of the entry that it restored. */
  readonly backTo?: string
  /** Present if the document never was in force. An undo passes over such entries. */
  readonly neverInForce?: NeverInForce
}

/** Facts about a document that the history records beside its text. */
export interface Keeping {
  /** The document restores the entry of this hash. */
  readonly backTo?: string | undefined
  /**
   * The hash of the document that this one replaced, if another process may have kept this one already: no second entry is made if there is one
   * since then. If the history no longer has that document, all its entries are newer.
   */
  readonly after?: string | undefined
  readonly neverInForce?: NeverInForce | undefined
}

/** Documents, newest first, within `HistoryBounds`. */
export interface History {
  readonly list: Effect.Effect<ReadonlyArray<HistoryEntry>, SourceUnavailable>
  /** The newest document of this hash. A refused document is returned only without another one. */
  readonly read: (hash: string) => Effect.Effect<Stored | undefined, SourceUnavailable>
  /** Keeps a text under its hash. Changes nothing if the newest entry that was in force, or an entry since then with the same mark, has this hash. */
  readonly keep: (text: string, hash: string, keeping?: Keeping) => Effect.Effect<void, SourceUnavailable>
  /** Rewrites kept texts in place, to remove secrets that were rotated. Entries keep their hashes. */
  readonly rewrite: (f: (text: string) => string) => Effect.Effect<void, SourceUnavailable>
  /** Removes every entry of this hash, if there is any. */
  readonly remove: (hash: string) => Effect.Effect<void, SourceUnavailable>
}

/** The bounds of a history. The oldest entries go first. The newest entry always stays, and the newest one that was in force. */
export interface HistoryBounds {
  readonly maxEntries: number
  readonly maxBytes: number
}

/** Default: 100 documents and 16 MiB, whichever is reached first. Read when the source is built. */
export const HistoryBounds: Context.Reference<HistoryBounds> = Context.Reference<HistoryBounds>(
  "@signalbox/core/ConfigSource/HistoryBounds",
  { defaultValue: () => ({ maxEntries: 100, maxBytes: 16 * 1024 * 1024 }) },
)

/** The entries, of those given newest first, that exceed the bounds. */
export const beyondBounds = <Entry extends Pick<HistoryEntry, "bytes" | "neverInForce">>(
  entries: ReadonlyArray<Entry>,
  bounds: HistoryBounds,
): ReadonlyArray<Entry> => {
  const always = new Set([entries[0], entries.find(wasInForce)])
  let { maxBytes, maxEntries } = bounds
  const fits = (entry: Entry | undefined): boolean => {
    if (entry === undefined) return true
    maxEntries -= 1
    maxBytes -= entry.bytes
    return maxEntries >= 0 && maxBytes >= 0
  }
  for (const entry of always) fits(entry)
  return entries.filter((entry) => !always.has(entry) && !fits(entry))
}

export const wasInForce = ({ neverInForce }: Pick<HistoryEntry, "neverInForce">): boolean => neverInForce === undefined

/** Whether `entries`, newest first, already record this document, so that `keep` changes nothing. */
export const isKept = (
  entries: ReadonlyArray<Pick<HistoryEntry, "hash" | "neverInForce">>,
  hash: string,
  { after, neverInForce }: Keeping,
): boolean => {
  const newest = entries.findIndex(wasInForce)
  if (newest >= 0 && entries[newest]?.hash === hash) return true
  if (neverInForce === undefined) {
    if (after === undefined) return false
    const predecessor = entries.findIndex((entry) => entry.hash === after)
    // A predecessor that is missing was swept: then every entry is newer.
    const newer = predecessor < 0 ? entries : entries.slice(0, predecessor)
    return newer.some((entry) => entry.hash === hash && wasInForce(entry))
  }
  const since = newest < 0 ? entries : entries.slice(0, newest)
  return since.some((entry) => entry.hash === hash && entry.neverInForce === neverInForce)
}
