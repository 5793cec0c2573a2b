/** The segments and roll-ups that a tail has read, with their sums. */
import { hourMillis, type SegmentName, segmentHour } from "../../SegmentName.ts"
import type { SegmentListing } from "../../SegmentStorage.ts"
import { decodeRollUp } from "./RollUp.ts"
import { readLines } from "./readLines.ts"
import { makePart, type SegmentPart, WindowSums, type WindowSumsOptions } from "./WindowSums.ts"

export interface FollowedSegment {
  readonly kind: "entries" | "rollUp"
  readonly part: SegmentPart
  /** The identity of the file, once it was read. */
  id: string | undefined
  offset: number
  foreign: number
  newer: number
}

export class FollowedSegments {
  sums: WindowSums
  readonly #options: WindowSumsOptions
  readonly #all = new Map<SegmentName, FollowedSegment>()

  constructor(options: WindowSumsOptions) {
    this.#options = options
    this.sums = new WindowSums(options)
  }

  /** Drops what no window can need. Starts again if the clock went back so far that windows need dropped buckets. */
  moveTo(now: number): void {
    if (this.sums.needsDropped(now)) {
      this.sums = new WindowSums(this.#options)
      this.#all.clear()
    }
    this.sums.drop(now)
  }

  /** Returns whether a window needs the segment. A segment of a future hour comes from a clock that was ahead: it counts later. */
  isReachable(name: SegmentName, now: number): boolean {
    const hour = segmentHour(name)
    return hour !== undefined && hour <= now && hour + hourMillis > this.sums.start(now, this.sums.horizonMillis)
  }

  has(name: SegmentName): boolean {
    return this.#all.has(name)
  }

  /** Returns the state of a segment, and starts to follow it if it is new. */
  follow(name: SegmentName, kind: FollowedSegment["kind"] = "entries"): FollowedSegment {
    const known = this.#all.get(name)
    if (known !== undefined) return known
    const part = makePart(segmentHour(name) ?? 0)
    const followed: FollowedSegment = { kind, part, id: undefined, offset: 0, foreign: 0, newer: 0 }
    this.#all.set(name, followed)
    return followed
  }

  /** Removes the sums of a segment. */
  drop(name: SegmentName): void {
    const followed = this.#all.get(name)
    if (followed === undefined) return
    this.sums.remove(followed.part)
    this.#all.delete(name)
  }

  /** Drops segments that are gone, replaced, or out of reach. */
  dropMissing(listing: SegmentListing, now: number): void {
    for (const [name, { kind }] of this.#all) {
      const isRollUp = listing.rollUps.has(name)
      const exists = kind === "rollUp" ? isRollUp : listing.entries.has(name) && !isRollUp
      if (!exists || !this.isReachable(name, now)) this.drop(name)
    }
  }

  addRollUp(name: SegmentName, text: string): void {
    const followed = this.follow(name, "rollUp")
    const rollUp = decodeRollUp(name, text)
    if (rollUp === "newer") followed.newer++
    else if (rollUp === undefined) followed.foreign++
    else {
      followed.foreign += rollUp.foreign
      for (const { minute, usage } of rollUp.rows) this.sums.addSum(followed.part, minute, usage)
    }
  }

  addLines(followed: FollowedSegment, text: string): void {
    readLines(text, {
      entry: (wire) => this.sums.addEntry(followed.part, wire),
      foreign: () => void followed.foreign++,
      newer: () => void followed.newer++,
    })
  }

  /** The number of unreadable lines of each kind. */
  get unreadable(): { readonly foreignLines: number; readonly newerLines: number } {
    let [foreignLines, newerLines] = [0, 0]
    for (const { foreign, newer } of this.#all.values()) {
      foreignLines += foreign
      newerLines += newer
    }
    return { foreignLines, newerLines }
  }
}
