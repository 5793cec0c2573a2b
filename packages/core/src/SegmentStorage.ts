/**
 * Where segments live: append-only files of lines, and the roll-ups that replace old ones. Appending is synchronous and waits for nobody;
 * who appends holds off compaction and removal by a shared protection, who replaces or removes takes the exclusive one or leaves the
 * segment alone. Nothing here knows what a line means.
 */
import { Context, type Effect, Layer, Schema } from "effect"
import { MemorySegments } from "./internal/SegmentStorage/MemorySegments.ts"
import type { SegmentName } from "./SegmentName.ts"

/** The place of the segments does not answer. `code` is `ENOSPC`, `EACCES`, `EIO` … */
export class SegmentsUnavailable extends Schema.TaggedError<SegmentsUnavailable>()("SegmentsUnavailable", {
  /** What people call the place: a directory, `memory`. */
  storage: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return `the ledger in ${this.storage} cannot be used (${this.code}): ${this.detail}`
  }
}

/** Not everything was written. */
export interface AppendFailure {
  readonly code: string
  /** Bytes of the line that did get into the segment. */
  readonly written: number
}

/** One writer's open segment. Synchronous throughout. */
export interface SegmentAppender {
  /** One write of one ASCII text at the segment's end, atomic among all writers; `undefined` when all of it was written. */
  readonly append: (text: string) => AppendFailure | undefined
  /** The segment is no longer there under its name, so that nobody would ever read what is appended. */
  readonly isDetached: () => boolean
  /** Gives up the protection. */
  readonly close: () => void
}

/** Why a segment cannot be appended to: it is being replaced or has been, or the place does not answer. */
export type OpenFailure = { readonly _tag: "Replaced" } | { readonly _tag: "Failed"; readonly code: string }

export interface SegmentListing {
  readonly entries: ReadonlySet<SegmentName>
  readonly rollUps: ReadonlySet<SegmentName>
}

/** What stood in a segment from some offset on. */
export interface SegmentChunk {
  /** Tells apart two files that had one name. */
  readonly id: string
  /** Whole lines, unless the end of a finished segment lacks its newline or a line is longer than a piece. */
  readonly text: string
  /** Bytes: where to go on. */
  readonly next: number
  /** There was nothing more when this was read. */
  readonly atEnd: boolean
}

/** A segment that nobody appends to while this is held. */
export interface ExclusiveSegment {
  /** The segment's bytes from `offset` on, its unfinished last line included. */
  readonly read: (offset: number) => Effect.Effect<SegmentChunk, SegmentsUnavailable>
  /** Puts the roll-up in the segment's place: durable before the segment goes, so that at each moment one of the two counts. */
  readonly replace: (rollUp: string) => Effect.Effect<void, SegmentsUnavailable>
  /** Removes the segment, as after a crash between the two steps of `replace`. The roll-up, if there is one, is made durable first. */
  readonly remove: Effect.Effect<void, SegmentsUnavailable>
}

export class SegmentStorage extends Context.Service<
  SegmentStorage,
  {
    /** What people call this place. */
    readonly name: string
    /** Whether segments can be protected. Without it they are appended to and read, never replaced or removed. */
    readonly isProtected: boolean
    /** Opens a segment for appending, made if it is missing. Synchronous. */
    readonly open: (name: SegmentName) => SegmentAppender | OpenFailure
    /** A segment that was replaced meanwhile is in one of the two sets or in both, never in neither. */
    readonly list: Effect.Effect<SegmentListing, SegmentsUnavailable>
    /** At most about 256 KiB; `undefined` where there is no such segment (any more). */
    readonly read: (name: SegmentName, offset: number) => Effect.Effect<SegmentChunk | undefined, SegmentsUnavailable>
    readonly readRollUp: (name: SegmentName) => Effect.Effect<string | undefined, SegmentsUnavailable>
    /** Bytes on disk of a segment and its roll-up together. */
    readonly size: (name: SegmentName) => Effect.Effect<number, SegmentsUnavailable>
    /** Runs `use` while nobody appends; `undefined` if somebody does, if the segment is gone, or if nothing can be protected. Never waits. */
    readonly exclusively: <A, E, R>(
      name: SegmentName,
      use: (held: ExclusiveSegment) => Effect.Effect<A, E, R>,
    ) => Effect.Effect<A | undefined, E | SegmentsUnavailable, R>
    readonly removeRollUp: (name: SegmentName) => Effect.Effect<void, SegmentsUnavailable>
    /** Keeps lines that nobody understands, for people to look at; answers how many found room in 1 MiB. */
    readonly setAside: (lines: ReadonlyArray<string>) => Effect.Effect<number, SegmentsUnavailable>
  }
>()("@signalbox/core/SegmentStorage") {
  /** Keeps 64 MiB, then answers ENOSPC like a full disk. */
  static readonly layerMemory: Layer.Layer<SegmentStorage> = Layer.sync(SegmentStorage, () =>
    SegmentStorage.of(new MemorySegments().storage),
  )
}
