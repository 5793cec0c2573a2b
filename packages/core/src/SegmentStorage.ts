/**
 * The port to the storage of a ledger: append-only segments of lines, and the roll-ups that replace old segments. Appending is synchronous
 * and never waits. An open appender prevents compaction and removal of its segment. The storage does not interpret lines.
 */
import { Context, type Effect, Layer } from "effect"
import { MemorySegments } from "./internal/SegmentStorage/MemorySegments.ts"
import type {
  ExclusiveSegment,
  OpenFailure,
  SegmentAppender,
  SegmentChunk,
  SegmentListing,
  SegmentsUnavailable,
} from "./internal/SegmentStorage/SegmentAccess.ts"
import type { SegmentName } from "./SegmentName.ts"

export {
  type AppendFailure,
  type ExclusiveSegment,
  type OpenFailure,
  type SegmentAppender,
  type SegmentChunk,
  type SegmentListing,
  SegmentsUnavailable,
} from "./internal/SegmentStorage/SegmentAccess.ts"

/**
 * The storage of a StatsLedger. `@signalbox/node` has the one on disk; `segmentStorageSuite` tests an implementation of your own.
 *
 * **Example** (Appending a line and reading it)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { SegmentStorage } from "@signalbox/core/SegmentStorage"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const storage = yield* SegmentStorage
 *   const appender = storage.open("2026-11-21T05")
 *   if ("_tag" in appender) return appender._tag
 *   appender.append("one line\n")
 *   appender.close()
 *   return (yield* storage.read("2026-11-21T05", 0))?.text
 * })
 *
 * strictEqual(await Effect.runPromise(Effect.provide(program, SegmentStorage.layerMemory)), "one line\n")
 * ```
 */
export class SegmentStorage extends Context.Service<
  SegmentStorage,
  {
    /** The name of the storage in messages: a directory, or `memory`. */
    readonly name: string
    /** Whether the storage can exclude appenders. If not, segments are appended to and read, but never replaced or removed. */
    readonly isProtected: boolean
    /** Opens a segment for appending, and creates it if it does not exist. Synchronous. */
    readonly open: (name: SegmentName) => SegmentAppender | OpenFailure
    /** Lists segments and roll-ups. A segment that is being replaced is in at least one of the two sets. */
    readonly list: Effect.Effect<SegmentListing, SegmentsUnavailable>
    /** Reads at most about 256 KiB from a byte offset. Returns `undefined` if the segment does not exist. */
    readonly read: (name: SegmentName, offset: number) => Effect.Effect<SegmentChunk | undefined, SegmentsUnavailable>
    readonly readRollUp: (name: SegmentName) => Effect.Effect<string | undefined, SegmentsUnavailable>
    /** The size of a segment and its roll-up together, in bytes. */
    readonly size: (name: SegmentName) => Effect.Effect<number, SegmentsUnavailable>
    /** Makes the lines of a segment and its name durable, without a lock. A segment that is gone needs no sync. */
    readonly sync: (name: SegmentName) => Effect.Effect<void, SegmentsUnavailable>
    /** Runs `use` while the segment has no appender. Returns `undefined` without waiting if it has one, is gone, or cannot be protected. */
    readonly exclusively: <A, E, R>(
      name: SegmentName,
      use: (segment: ExclusiveSegment) => Effect.Effect<A, E, R>,
    ) => Effect.Effect<A | undefined, E | SegmentsUnavailable, R>
    readonly removeRollUp: (name: SegmentName) => Effect.Effect<void, SegmentsUnavailable>
    /** Keeps unreadable lines for people to inspect, up to 1 MiB in total. Returns how many of them were kept. */
    readonly setAside: (lines: ReadonlyArray<string>) => Effect.Effect<number, SegmentsUnavailable>
  }
>()("@signalbox/core/SegmentStorage") {
  /** A storage in memory for 64 MiB. Beyond that it fails with `ENOSPC`, like a full disk. */
  static readonly layerMemory: Layer.Layer<SegmentStorage> = Layer.sync(SegmentStorage, () =>
    SegmentStorage.of(new MemorySegments().storage),
  )
}
