/**
 * Compacts the segments of past hours into roll-ups. It skips a segment that has an appender, holds lines of a newer program, or has too
 * many groups. A crash leaves the segment, or the segment and its roll-up; then only the roll-up counts.
 */
import { Effect } from "effect"
import { hourMillis, type SegmentName, segmentHour } from "../../SegmentName.ts"
import type { ExclusiveSegment, SegmentStorage, SegmentsUnavailable } from "../../SegmentStorage.ts"
import { decodeRollUp, encodeRollUp, minuteMillis } from "./RollUp.ts"
import { readLines } from "./readLines.ts"
import { groupId, groupOf, UsageSum } from "./UsageSum.ts"

/** A segment is compacted when its hour ended at least this long ago. Snapshots of up to an hour then no longer need its entries. */
export const minAgeMillis = hourMillis

/** The most rows of one roll-up. A segment that would need more is not compacted. */
export const maxRows = 65_536

export interface Compacted {
  readonly segments: number
  readonly entries: number
}

export interface Compaction extends Compacted {
  /** The first failure of a segment. The other segments are compacted all the same. */
  readonly failure: SegmentsUnavailable | undefined
}

interface Fold {
  readonly minutes: Map<number, Map<string, UsageSum>>
  readonly foreign: Array<string>
  foreignCount: number
  entries: number
  rows: number
  newer: boolean
}

/** Compacts all segments whose hour ended long enough ago, except those that are in use. */
export const compact = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  now: number,
): Effect.fn.Return<Compaction, SegmentsUnavailable> {
  let failure: SegmentsUnavailable | undefined
  let segments = 0
  let entries = 0
  if (!storage.isProtected) return { segments, entries, failure }
  const listing = yield* storage.list
  for (const name of [...listing.entries].sort()) {
    const hour = segmentHour(name)
    if (hour === undefined || hour + hourMillis + minAgeMillis > now) continue
    const folded = yield* Effect.catch(
      storage.exclusively(name, (segment) => replace(storage, name, segment)),
      (error) => {
        failure ??= error
        return Effect.undefined
      },
    )
    if (folded === undefined) continue
    segments++
    entries += folded
  }
  return { segments, entries, failure }
})

/** Returns the number of compacted entries, or `undefined` if the segment stays or was only removed. */
const replace = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  name: SegmentName,
  segment: ExclusiveSegment,
): Effect.fn.Return<number | undefined, SegmentsUnavailable> {
  const existing = yield* storage.readRollUp(name)
  if (existing !== undefined) {
    // A process crashed between the two steps. A roll-up that cannot be decoded is made again.
    const rollUp = decodeRollUp(name, existing)
    if (rollUp !== undefined) {
      yield* segment.remove
      return undefined
    }
  }
  const fold = yield* foldSegment(name, segment)
  if (fold.newer || fold.rows > maxRows) {
    const why = fold.newer ? "holds lines of a newer version" : `needs more than ${maxRows} rows`
    yield* Effect.logWarning(`The ledger's segment ${name} is not compacted: it ${why}.`)
    return undefined
  }
  if (fold.foreignCount > 0) {
    const kept = yield* storage.setAside(fold.foreign)
    yield* Effect.logWarning(
      `The ledger's segment ${name} had ${fold.foreignCount} torn or foreign lines, of which ${kept} were set aside.`,
    )
  }
  yield* segment.replace(encodeRollUp(name, fold.minutes, fold.foreignCount))
  return fold.entries
})

const foldSegment = Effect.fnUntraced(function* (
  name: SegmentName,
  segment: ExclusiveSegment,
): Effect.fn.Return<Fold, SegmentsUnavailable> {
  const fold: Fold = { minutes: new Map(), foreign: [], foreignCount: 0, entries: 0, rows: 0, newer: false }
  const last = (segmentHour(name) ?? 0) + hourMillis - 1
  let offset = 0
  for (;;) {
    const chunk = yield* segment.read(offset)
    foldLines(fold, chunk.text, last)
    if (chunk.atEnd || fold.newer || fold.rows > maxRows) return fold
    offset = chunk.next
    yield* Effect.yieldNow
  }
})

const foldLines = (fold: Fold, text: string, last: number): void =>
  readLines(text, {
    entry: (wire) => {
      const minute = Math.floor(Math.min(wire.time, last) / minuteMillis) * minuteMillis
      let usages = fold.minutes.get(minute)
      if (usages === undefined) {
        usages = new Map()
        fold.minutes.set(minute, usages)
      }
      const id = groupId(wire)
      let usage = usages.get(id)
      if (usage === undefined) {
        usage = new UsageSum(groupOf(wire))
        usages.set(id, usage)
        fold.rows++
      }
      usage.add(wire)
      fold.entries++
    },
    foreign: (line) => {
      fold.foreignCount++
      if (fold.foreign.length < maxForeignKept) fold.foreign.push(line.slice(0, maxForeignLineLength))
    },
    newer: () => {
      fold.newer = true
    },
  })

/** The most lines of one segment that are set aside, for people to inspect. */
const maxForeignKept = 1000
const maxForeignLineLength = 16_384
