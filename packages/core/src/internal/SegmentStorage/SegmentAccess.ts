/** Access to one segment of a storage: appending, reading and replacing it. */
import { type Effect, Schema } from "effect"
import type { SegmentName } from "../../SegmentName.ts"

/** The storage cannot be used. `code` is `ENOSPC`, `EACCES`, `EIO` … */
export class SegmentsUnavailable extends Schema.TaggedError<SegmentsUnavailable>()("SegmentsUnavailable", {
  /** The name of the storage: a directory, or `memory`. */
  storage: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `the ledger in ${this.storage} cannot be used (${this.code}): ${this.detail}`
  }
}

/** An append did not write the whole text. */
export interface AppendFailure {
  readonly code: string
  /** The number of bytes that were written to the segment. */
  readonly written: number
}

/** A writer's open segment. All members are synchronous. */
export interface SegmentAppender {
  /** Appends an ASCII text in one write, atomic among all writers. Returns `undefined` if all of it was written. */
  readonly append: (text: string) => AppendFailure | undefined
  /** Returns whether the segment has lost its name, so that no reader would find appended text. */
  readonly isDetached: () => boolean
  /** Closes the segment, so that it can be compacted or removed. */
  readonly close: () => void
}

/** Why a segment cannot be opened: it was replaced or is being replaced, or the storage failed. */
export type OpenFailure = { readonly _tag: "Replaced" } | { readonly _tag: "Failed"; readonly code: string }

export interface SegmentListing {
  readonly entries: ReadonlySet<SegmentName>
  readonly rollUps: ReadonlySet<SegmentName>
}

/** A part of a segment's text. */
export interface SegmentChunk {
  /** The identity of the file. Another file of the same name has another id. */
  readonly id: string
  /** Whole lines. The last line may lack its newline at the end of an exclusive segment, or if it is longer than a chunk. */
  readonly text: string
  /** The offset of the next chunk, in bytes. */
  readonly next: number
  /** Whether the segment had no more text when it was read. */
  readonly atEnd: boolean
}

/** A segment without appenders, for as long as `exclusively` runs. */
export interface ExclusiveSegment {
  /** Reads the segment from a byte offset, including an unfinished last line. */
  readonly read: (offset: number) => Effect.Effect<SegmentChunk, SegmentsUnavailable>
  /** Replaces the segment by its roll-up. The roll-up is durable before the segment is removed, so one of the two always counts. */
  readonly replace: (rollUp: string) => Effect.Effect<void, SegmentsUnavailable>
  /** Removes the segment, for example after a crash between the two steps of `replace`. An existing roll-up is made durable first. */
  readonly remove: Effect.Effect<void, SegmentsUnavailable>
}
