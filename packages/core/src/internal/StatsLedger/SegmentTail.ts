/**
 * Follows the segments of all processes from where it last stopped, so that looking again costs what is new. A segment that a roll-up has
 * replaced is taken out as a whole and the roll-up put in its place: each call counts once at any moment.
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
  /** The same calls by bucket and model. */
  readonly series: () => ReadonlyArray<SeriesRow>
  /** Torn or foreign, in the segments that the horizon reaches. */
  readonly foreignLines: number
  /** Written by newer programs, there. */
  readonly newerLines: number
  /** More groups than there may be: some are summed as one. */
  readonly overflowed: boolean
}

export interface SegmentTail {
  /** Reads what is new and describes the window that ends now. */
  readonly look: <A>(
    now: number,
    windowMillis: number,
    describe: (seen: TailView) => A,
  ) => Effect.Effect<A, SegmentsUnavailable>
}

interface Followed {
  readonly kind: "entries" | "rollUp"
  readonly part: SegmentPart
  /** Which file it is, once something was read. */
  id: string | undefined
  offset: number
  foreign: number
  newer: number
}

export const makeSegmentTail = (storage: SegmentStorage["Service"], options: WindowSumsOptions): SegmentTail => {
  let sums = new WindowSums(options)
  const all = new Map<SegmentName, Followed>()
  const turns = Semaphore.makeUnsafe(1)

  /** A segment of an hour to come is from a clock that was ahead: its calls count when that hour is there. */
  const isReachable = (name: SegmentName, now: number): boolean => {
    const hour = segmentHour(name)
    return hour !== undefined && hour <= now && hour + hourMillis > sums.start(now, sums.horizonMillis)
  }

  const follow = (name: SegmentName, kind: Followed["kind"]): Followed => {
    const part = makePart(segmentHour(name) ?? 0)
    const followed: Followed = { kind, part, id: undefined, offset: 0, foreign: 0, newer: 0 }
    all.set(name, followed)
    return followed
  }

  const forget = (name: SegmentName, followed: Followed): void => {
    sums.remove(followed.part)
    all.delete(name)
  }

  const forgetGone = (listing: SegmentListing, now: number): void => {
    for (const [name, followed] of all) {
      const isRollUp = listing.rollUps.has(name)
      const stands = followed.kind === "rollUp" ? isRollUp : listing.entries.has(name) && !isRollUp
      if (!stands || !isReachable(name, now)) forget(name, followed)
    }
  }

  const takeRollUp = (name: SegmentName, text: string): void => {
    const followed = follow(name, "rollUp")
    const rollUp = decodeRollUp(name, text)
    if (rollUp === "newer") followed.newer++
    else if (rollUp === undefined) followed.foreign++
    else {
      followed.foreign += rollUp.foreign
      for (const { usage, minute } of rollUp.rows) sums.addUsage(followed.part, minute, usage)
    }
  }

  const takeLines = (followed: Followed, text: string): void =>
    readLines(text, {
      entry: (wire) => sums.addEntry(followed.part, wire),
      foreign: () => void followed.foreign++,
      newer: () => void followed.newer++,
    })

  /** `false` if the segment is no longer there. */
  const readOn = Effect.fnUntraced(function* (name: SegmentName): Effect.fn.Return<boolean, SegmentsUnavailable> {
    for (;;) {
      const followed = all.get(name) ?? follow(name, "entries")
      const piece = yield* storage.read(name, followed.offset)
      if (piece === undefined) return false
      if (followed.id !== undefined && followed.id !== piece.id) {
        // Another file under the same name: the one that was read so far is gone.
        forget(name, followed)
        continue
      }
      // No interruption can come between the two: what was taken is never read again.
      takeLines(followed, piece.text)
      followed.id = piece.id
      followed.offset = piece.next
      if (piece.atEnd) return true
      yield* Effect.yieldNow
    }
  })

  /** `false` if something of the listing was no longer there. */
  const readAll = Effect.fnUntraced(function* (
    listing: SegmentListing,
    now: number,
  ): Effect.fn.Return<boolean, SegmentsUnavailable> {
    for (const name of listing.rollUps) {
      if (!isReachable(name, now) || all.has(name)) continue
      const text = yield* storage.readRollUp(name)
      if (text === undefined) return false
      takeRollUp(name, text)
    }
    for (const name of listing.entries) {
      if (!isReachable(name, now) || listing.rollUps.has(name)) continue
      if (!(yield* readOn(name))) return false
    }
    return true
  })

  const refresh = Effect.fnUntraced(function* (now: number): Effect.fn.Return<void, SegmentsUnavailable> {
    if (sums.lacks(now)) {
      sums = new WindowSums(options)
      all.clear()
    }
    sums.forget(now)
    // What vanishes between listing and reading was replaced or removed: the next listing says which.
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const listing = yield* storage.list
      forgetGone(listing, now)
      if (yield* readAll(listing, now)) return
    }
  })

  return {
    look: (now, windowMillis, describe) =>
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
          return describe({ window, series, foreignLines, newerLines, overflowed: sums.overflowed })
        }),
      ),
  }
}

const attemptsMax = 5
