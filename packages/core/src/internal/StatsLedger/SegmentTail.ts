/**
 * Follows the segments of all processes, so that each read costs only the new lines. When a roll-up replaces a segment, its sums replace the
 * sums of the segment: each call counts exactly once at any time.
 */
import { Effect, Semaphore } from "effect"
import { hourMillis, type SegmentName, segmentHour } from "../../SegmentName.ts"
import type { SegmentListing, SegmentStorage, SegmentsUnavailable } from "../../SegmentStorage.ts"
import { decodeRollUp } from "./RollUp.ts"
import { readLines } from "./readLines.ts"
import type { SeriesRow } from "./StatsSeries.ts"
import { makePart, type SegmentPart, type Window, WindowSums, type WindowSumsOptions } from "./WindowSums.ts"

export interface TailView {
  readonly window: Window
  /** Returns the calls of the window by bucket and model. */
  readonly series: () => ReadonlyArray<SeriesRow>
  /** The number of torn or foreign lines within the horizon. */
  readonly foreignLines: number
  /** The number of lines of newer programs within the horizon. */
  readonly newerLines: number
  /** Whether there were too many groups, so that some are summed as one. */
  readonly overflowed: boolean
}

export interface SegmentTail {
  /** Reads new lines, then calls `use` with the window that ends now. */
  readonly read: <A>(
    now: number,
    windowMillis: number,
    use: (view: TailView) => A,
  ) => Effect.Effect<A, SegmentsUnavailable>
}

interface FollowedSegment {
  readonly kind: "entries" | "rollUp"
  readonly part: SegmentPart
  /** The identity of the file, once it was read. */
  id: string | undefined
  offset: number
  foreign: number
  newer: number
}

export const makeSegmentTail = (storage: SegmentStorage["Service"], options: WindowSumsOptions): SegmentTail => {
  let sums = new WindowSums(options)
  const all = new Map<SegmentName, FollowedSegment>()
  const turns = Semaphore.makeUnsafe(1)

  /** A segment of a future hour comes from a clock that was ahead. Its calls count when that hour has come. */
  const isReachable = (name: SegmentName, now: number): boolean => {
    const hour = segmentHour(name)
    return hour !== undefined && hour <= now && hour + hourMillis > sums.start(now, sums.horizonMillis)
  }

  const follow = (name: SegmentName, kind: FollowedSegment["kind"]): FollowedSegment => {
    const part = makePart(segmentHour(name) ?? 0)
    const followed: FollowedSegment = { kind, part, id: undefined, offset: 0, foreign: 0, newer: 0 }
    all.set(name, followed)
    return followed
  }

  const drop = (name: SegmentName, followed: FollowedSegment): void => {
    sums.remove(followed.part)
    all.delete(name)
  }

  const dropMissing = (listing: SegmentListing, now: number): void => {
    for (const [name, followed] of all) {
      const isRollUp = listing.rollUps.has(name)
      const exists = followed.kind === "rollUp" ? isRollUp : listing.entries.has(name) && !isRollUp
      if (!exists || !isReachable(name, now)) drop(name, followed)
    }
  }

  const addRollUp = (name: SegmentName, text: string): void => {
    const followed = follow(name, "rollUp")
    const rollUp = decodeRollUp(name, text)
    if (rollUp === "newer") followed.newer++
    else if (rollUp === undefined) followed.foreign++
    else {
      followed.foreign += rollUp.foreign
      for (const { usage, minute } of rollUp.rows) sums.addSum(followed.part, minute, usage)
    }
  }

  const addLines = (followed: FollowedSegment, text: string): void =>
    readLines(text, {
      entry: (wire) => sums.addEntry(followed.part, wire),
      foreign: () => void followed.foreign++,
      newer: () => void followed.newer++,
    })

  /** Returns `false` if the segment no longer exists. */
  const readNew = Effect.fnUntraced(function* (name: SegmentName): Effect.fn.Return<boolean, SegmentsUnavailable> {
    for (;;) {
      const followed = all.get(name) ?? follow(name, "entries")
      const piece = yield* storage.read(name, followed.offset)
      if (piece === undefined) return false
      if (followed.id !== undefined && followed.id !== piece.id) {
        // Another file has the same name: the file that was read so far is gone.
        drop(name, followed)
        continue
      }
      // These lines are one uninterruptible step, so no text is read twice.
      addLines(followed, piece.text)
      followed.id = piece.id
      followed.offset = piece.next
      if (piece.atEnd) return true
      yield* Effect.yieldNow
    }
  })

  /** Returns `false` if a file of the listing no longer exists. */
  const readAll = Effect.fnUntraced(function* (
    listing: SegmentListing,
    now: number,
  ): Effect.fn.Return<boolean, SegmentsUnavailable> {
    for (const name of listing.rollUps) {
      if (!isReachable(name, now) || all.has(name)) continue
      const text = yield* storage.readRollUp(name)
      if (text === undefined) return false
      addRollUp(name, text)
    }
    for (const name of listing.entries) {
      if (!isReachable(name, now) || listing.rollUps.has(name)) continue
      if (!(yield* readNew(name))) return false
    }
    return true
  })

  const refresh = Effect.fnUntraced(function* (now: number): Effect.fn.Return<void, SegmentsUnavailable> {
    if (sums.needsDropped(now)) {
      sums = new WindowSums(options)
      all.clear()
    }
    sums.drop(now)
    // A file that vanishes between listing and reading was replaced or removed. The next listing shows which.
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const listing = yield* storage.list
      dropMissing(listing, now)
      if (yield* readAll(listing, now)) return
    }
  })

  return {
    read: (now, windowMillis, use) =>
      turns.withPermit(
        Effect.map(refresh(now), () => {
          let foreignLines = 0
          let newerLines = 0
          for (const { foreign, newer } of all.values()) {
            foreignLines += foreign
            newerLines += newer
          }
          const window = sums.window(now, windowMillis)
          const series = () => sums.series(window.from)
          return use({ window, series, foreignLines, newerLines, overflowed: sums.overflowed })
        }),
      ),
  }
}

const maxAttempts = 5
