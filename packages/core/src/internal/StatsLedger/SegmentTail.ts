/**
 * Follows the segments of all processes, so that each read costs only the new lines. When a roll-up replaces a segment, its sums replace the
 * sums of the segment: each call counts exactly once at any time.
 */
import { Effect, Semaphore } from "effect"
import type { SegmentName } from "../../SegmentName.ts"
import type { SegmentListing, SegmentStorage, SegmentsUnavailable } from "../../SegmentStorage.ts"
import { FollowedSegments } from "./FollowedSegments.ts"
import type { SeriesRow } from "./StatsSeries.ts"
import type { Window, WindowSumsOptions } from "./WindowSums.ts"

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

export const makeSegmentTail = (storage: SegmentStorage["Service"], options: WindowSumsOptions): SegmentTail => {
  const segments = new FollowedSegments(options)
  const turns = Semaphore.makeUnsafe(1)
  const refresh = Effect.fnUntraced(function* (now: number): Effect.fn.Return<void, SegmentsUnavailable> {
    segments.moveTo(now)
    // A file that vanishes between listing and reading was replaced or removed. The next listing shows which.
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const listing = yield* storage.list
      segments.dropMissing(listing, now)
      if (yield* readAll(storage, segments, listing, now)) return
    }
  })
  return {
    read: (now, windowMillis, use) =>
      turns.withPermit(
        Effect.map(refresh(now), () => {
          const { sums } = segments
          const window = sums.window(now, windowMillis)
          const series = () => sums.series(window.from)
          return use({ window, series, ...segments.unreadable, overflowed: sums.overflowed })
        }),
      ),
  }
}

const maxAttempts = 5

/** Reads the new text of all files of the listing. Returns `false` if one of them no longer exists. */
const readAll = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  segments: FollowedSegments,
  listing: SegmentListing,
  now: number,
): Effect.fn.Return<boolean, SegmentsUnavailable> {
  for (const name of listing.rollUps) {
    if (!segments.isReachable(name, now) || segments.has(name)) continue
    const text = yield* storage.readRollUp(name)
    if (text === undefined) return false
    segments.addRollUp(name, text)
  }
  for (const name of listing.entries) {
    if (!segments.isReachable(name, now) || listing.rollUps.has(name)) continue
    if (!(yield* readSegment(storage, segments, name))) return false
  }
  return true
})

/** Reads the new lines of a segment. Returns `false` if it no longer exists. */
const readSegment = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  segments: FollowedSegments,
  name: SegmentName,
): Effect.fn.Return<boolean, SegmentsUnavailable> {
  for (;;) {
    const followed = segments.follow(name)
    const chunk = yield* storage.read(name, followed.offset)
    if (chunk === undefined) return false
    if (followed.id !== undefined && followed.id !== chunk.id) {
      // Another file has the same name: the file that was read so far is gone.
      segments.drop(name)
      continue
    }
    // These lines are one uninterruptible step, so no text is read twice.
    segments.addLines(followed, chunk.text)
    followed.id = chunk.id
    followed.offset = chunk.next
    if (chunk.atEnd) return true
    yield* Effect.yieldNow
  }
})
