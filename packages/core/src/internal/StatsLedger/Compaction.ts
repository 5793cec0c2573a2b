/**
 * Folds the segments of past hours into roll-ups. A segment that somebody may still append to, that holds lines of a newer program, or
 * that has more groups than fit is left alone. A crash at any moment leaves the segment, or both and then only the roll-up counts.
 */
import { Effect } from "effect"
import { hourMillis, type SegmentName, segmentHour } from "../../SegmentName.ts"
import type { ExclusiveSegment, SegmentStorage, SegmentsUnavailable } from "../../SegmentStorage.ts"
import { decodeRollUp, encodeRollUp, minuteMillis } from "./RollUp.ts"
import { readLines } from "./readLines.ts"
import { groupId, groupOf, UsageSum } from "./UsageSum.ts"

/** A segment is compacted when its hour has been over for this long: no snapshot of up to an hour needs its entries any more. */
export const restMillis = hourMillis

/** SeriesRows of one roll-up; a segment that would need more stays as it is. */
export const rowsMax = 65_536

export interface Compacted {
  readonly segments: number
  readonly entries: number
}

export interface Compaction extends Compacted {
  /** Why a segment, the first of them, could not be folded; it does not keep the others from it. */
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

/** Folds all segments that are ripe; those that others work on are left for the next time. */
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
    if (hour === undefined || hour + hourMillis + restMillis > now) continue
    const folded = yield* Effect.catch(
      storage.exclusively(name, (held) => replace(storage, name, held)),
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

/** How many entries were folded, or `undefined` if the segment had to stay or only remained to be removed. */
const replace = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  name: SegmentName,
  held: ExclusiveSegment,
): Effect.fn.Return<number | undefined, SegmentsUnavailable> {
  const existing = yield* storage.readRollUp(name)
  if (existing !== undefined) {
    // Somebody crashed between the two steps; nobody appends once there is a roll-up. One that cannot be read is made anew.
    const rollUp = decodeRollUp(name, existing)
    if (rollUp !== undefined) {
      yield* held.remove
      return undefined
    }
  }
  const fold = yield* foldSegment(name, held)
  if (fold.newer || fold.rows > rowsMax) {
    const why = fold.newer ? "holds lines of a newer version" : `would need more than ${rowsMax} rows`
    yield* Effect.logWarning(`The ledger's segment ${name} is not compacted: it ${why}.`)
    return undefined
  }
  if (fold.foreignCount > 0) {
    const kept = yield* storage.setAside(fold.foreign)
    yield* Effect.logWarning(
      `The ledger's segment ${name} held ${fold.foreignCount} torn or foreign lines; ${kept} of them are set aside.`,
    )
  }
  yield* held.replace(encodeRollUp(name, fold.minutes, fold.foreignCount))
  return fold.entries
})

const foldSegment = Effect.fnUntraced(function* (
  name: SegmentName,
  held: ExclusiveSegment,
): Effect.fn.Return<Fold, SegmentsUnavailable> {
  const fold: Fold = { minutes: new Map(), foreign: [], foreignCount: 0, entries: 0, rows: 0, newer: false }
  const last = (segmentHour(name) ?? 0) + hourMillis - 1
  let offset = 0
  for (;;) {
    const piece = yield* held.read(offset)
    foldLines(fold, piece.text, last)
    if (piece.atEnd || fold.newer || fold.rows > rowsMax) return fold
    offset = piece.next
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
      if (fold.foreign.length < foreignKeptMax) fold.foreign.push(line.slice(0, foreignLineMaxLength))
    },
    newer: () => {
      fold.newer = true
    },
  })

/** Of one segment; what is set aside is for people, who look at a few. */
const foreignKeptMax = 1000
const foreignLineMaxLength = 16_384
