/**
 * WindowSums by time and group, and sliding windows over them. A window costs what comes in and what goes out, never what stays: each keeps its
 * own sums, to which new calls are added and from which the buckets that have left it are taken.
 */

import type { WireEntry } from "../../LedgerEntry.ts"
import { hourMillis } from "../../SegmentName.ts"
import { type SeriesRow, SeriesRows } from "./StatsSeries.ts"
import { type Group, groupId, groupOf, UsageSum } from "./UsageSum.ts"

/** Distinct groups at a time, and sums of one group in one bucket; what is beyond is summed under the name `(other)`. */
export const groupsMax = 2048
export const usagesMax = 32_768
/** Windows of different length that are kept up to date; the one that was asked for longest ago goes first. */
const windowsMax = 4

/** What came from one segment: it goes as a whole when a roll-up takes the segment's place. */
export interface SegmentPart {
  /** Start of the segment's hour; no entry in it is younger than that hour's end. */
  readonly hour: number
  /** By start of the bucket, then by group. */
  readonly buckets: Map<number, Map<string, UsageSum>>
}

export const makePart = (hour: number): SegmentPart => ({ hour, buckets: new Map() })

export interface Window {
  /** Start of the first bucket in it. */
  from: number
  readonly usages: Map<string, UsageSum>
}

export interface WindowSumsOptions {
  readonly bucketMillis: number
  /** What is older is forgotten. */
  readonly horizonMillis: number
}

export class WindowSums {
  readonly bucketMillis: number
  readonly horizonMillis: number
  readonly #parts = new Set<SegmentPart>()
  readonly #windows = new Map<number, Window>()
  /** In how many usages a group occurs. */
  readonly #groups = new Map<string, number>()
  #usages = 0
  /** Start of the oldest bucket that is kept. */
  #oldest = 0

  constructor(options: WindowSumsOptions) {
    this.bucketMillis = options.bucketMillis
    this.horizonMillis = options.horizonMillis
  }

  /** Some calls are summed under `(other)`. */
  get overflowed(): boolean {
    return this.#groups.has(othersId)
  }

  /** Start of the bucket that a window of this length begins with: it holds the time that is exactly that long ago. */
  start(now: number, windowMillis: number): number {
    return this.#bucketOf(Math.max(0, now - windowMillis))
  }

  addEntry(part: SegmentPart, wire: WireEntry): void {
    this.#add(part, wire.time, wire, (usage) => usage.add(wire))
  }

  addUsage(part: SegmentPart, time: number, sum: UsageSum): void {
    this.#add(part, time, sum.group, (usage) => usage.merge(sum, 1))
  }

  #add(part: SegmentPart, time: number, group: Partial<Group>, to: (usage: UsageSum) => void): void {
    const bucket = this.#bucketIn(part, time)
    if (bucket < this.#oldest) return
    const usages = this.#usagesIn(part, bucket)
    let id = groupId(group)
    const isNew = !usages.has(id)
    if (isNew && (this.#usages >= usagesMax || (this.#groups.size >= groupsMax && !this.#groups.has(id)))) {
      group = others
      id = othersId
    }
    if (isNew && !usages.has(id)) {
      this.#usages++
      this.#groups.set(id, (this.#groups.get(id) ?? 0) + 1)
    }
    to(usageIn(usages, id, group))
    for (const window of this.#windows.values()) if (bucket >= window.from) to(usageIn(window.usages, id, group))
  }

  /** Takes out all that came from one segment. */
  remove(part: SegmentPart): void {
    for (const bucket of [...part.buckets.keys()]) this.#removeBucket(part, bucket)
    this.#parts.delete(part)
  }

  /** The clock went back to where windows reach what has been forgotten. */
  lacks(now: number): boolean {
    return this.start(now, this.horizonMillis) < this.#oldest
  }

  /** Forgets what no window can reach any more. */
  forget(now: number): void {
    const oldest = this.start(now, this.horizonMillis)
    if (oldest <= this.#oldest) return
    for (const window of this.#windows.values()) this.#advance(window, oldest)
    this.#oldest = oldest
    for (const part of this.#parts) {
      for (const bucket of [...part.buckets.keys()]) if (bucket < oldest) this.#removeBucket(part, bucket)
    }
  }

  /** The sums from `start` on. */
  window(now: number, windowMillis: number): Window {
    const from = this.start(now, windowMillis)
    let window = this.#windows.get(windowMillis)
    // A clock that went back widens the window again, and what left it is in the buckets only.
    if (window === undefined || window.from > from) window = this.#gather(from)
    else this.#advance(window, from)
    this.#windows.delete(windowMillis)
    this.#windows.set(windowMillis, window)
    for (const length of this.#windows.keys()) {
      if (this.#windows.size <= windowsMax) break
      this.#windows.delete(length)
    }
    return window
  }

  /** What lies in the buckets from `from` on, by model. */
  series(from: number): ReadonlyArray<SeriesRow> {
    const rows = new SeriesRows()
    for (const part of this.#parts) {
      for (const [bucket, usages] of part.buckets) {
        if (bucket >= from) for (const usage of usages.values()) rows.add(bucket, usage)
      }
    }
    return rows.all
  }

  #gather(from: number): Window {
    const window: Window = { from, usages: new Map() }
    for (const part of this.#parts) {
      for (const [bucket, usages] of part.buckets) {
        if (bucket < from) continue
        for (const [id, usage] of usages) usageIn(window.usages, id, usage.group).merge(usage, 1)
      }
    }
    return window
  }

  #advance(window: Window, from: number): void {
    if (from <= window.from) return
    for (const part of this.#parts) {
      for (const [bucket, usages] of part.buckets) {
        if (bucket >= window.from && bucket < from) takeOut(window, usages)
      }
    }
    window.from = from
  }

  #removeBucket(part: SegmentPart, bucket: number): void {
    const usages = part.buckets.get(bucket) ?? new Map<string, UsageSum>()
    part.buckets.delete(bucket)
    for (const window of this.#windows.values()) if (bucket >= window.from) takeOut(window, usages)
    this.#usages -= usages.size
    for (const id of usages.keys()) {
      const left = (this.#groups.get(id) ?? 1) - 1
      if (left === 0) this.#groups.delete(id)
      else this.#groups.set(id, left)
    }
  }

  #usagesIn(part: SegmentPart, bucket: number): Map<string, UsageSum> {
    this.#parts.add(part)
    let usages = part.buckets.get(bucket)
    if (usages === undefined) {
      usages = new Map()
      part.buckets.set(bucket, usages)
    }
    return usages
  }

  /** What a foreign program put into a segment with a time of its own liking must not stay in every window for ever. */
  #bucketIn(part: SegmentPart, time: number): number {
    return this.#bucketOf(Math.min(time, part.hour + hourMillis - 1))
  }

  #bucketOf(time: number): number {
    return Math.floor(time / this.bucketMillis) * this.bucketMillis
  }
}

const other = "(other)"
const others: Group = { provider: other, model: other, upstream: other, key: other, project: other }
const othersId = groupId(others)

const usageIn = (usages: Map<string, UsageSum>, id: string, group: Partial<Group>): UsageSum => {
  let usage = usages.get(id)
  if (usage === undefined) {
    usage = new UsageSum(groupOf(group))
    usages.set(id, usage)
  }
  return usage
}

const takeOut = (window: Window, usages: ReadonlyMap<string, UsageSum>): void => {
  for (const [id, usage] of usages) {
    const sum = window.usages.get(id)
    if (sum === undefined) continue
    sum.merge(usage, -1)
    if (sum.requests === 0) window.usages.delete(id)
  }
}
