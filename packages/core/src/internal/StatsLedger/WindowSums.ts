/**
 * Sums by time and group, with sliding windows over them. A window costs the calls that enter and leave it, not those that stay: it adds new
 * calls to its own sums and subtracts the buckets that leave it.
 */
import type { WireEntry } from "../../LedgerLine.ts"
import { hourMillis } from "../../SegmentName.ts"
import { type SeriesRow, SeriesRows } from "./StatsSeries.ts"
import { type Group, groupId, groupOf, UsageSum } from "./UsageSum.ts"

/** The most groups, and the most sums in all buckets. Calls beyond a bound are summed under the name `(other)`. */
export const maxGroups = 2048
export const maxSums = 32_768
/** The most windows of different length that are kept up to date. The least recently used is dropped first. */
const maxWindows = 4

/** The sums of one segment. They are removed together when a roll-up replaces the segment. */
export interface SegmentPart {
  /** The start of the segment's hour. Its entries are not younger than the end of that hour. */
  readonly hour: number
  /** By start of the bucket, then by group id. */
  readonly buckets: Map<number, Map<string, UsageSum>>
}

export const makePart = (hour: number): SegmentPart => ({ hour, buckets: new Map() })

export interface Window {
  /** The start of its first bucket. */
  from: number
  readonly sums: Map<string, UsageSum>
}

export interface WindowSumsOptions {
  readonly bucketMillis: number
  /** Older buckets are dropped. */
  readonly horizonMillis: number
}

export class WindowSums {
  readonly bucketMillis: number
  readonly horizonMillis: number
  readonly #parts = new Set<SegmentPart>()
  readonly #windows = new Map<number, Window>()
  /** The number of buckets of each group. */
  readonly #groups = new Map<string, number>()
  #sumCount = 0
  /** The start of the oldest kept bucket. */
  #oldest = 0

  constructor(options: WindowSumsOptions) {
    this.bucketMillis = options.bucketMillis
    this.horizonMillis = options.horizonMillis
  }

  /** Whether some calls are summed under `(other)`. */
  get overflowed(): boolean {
    return this.#groups.has(overflowId)
  }

  /** Returns the start of the first bucket of a window of this length: the bucket that contains `now - windowMillis`. */
  start(now: number, windowMillis: number): number {
    return this.#bucketOf(Math.max(0, now - windowMillis))
  }

  addEntry(part: SegmentPart, wire: WireEntry): void {
    this.#add(part, wire.time, wire, (usage) => usage.add(wire))
  }

  addSum(part: SegmentPart, time: number, sum: UsageSum): void {
    this.#add(part, time, sum.group, (usage) => usage.merge(sum, 1))
  }

  #add(part: SegmentPart, time: number, group: Partial<Group>, to: (usage: UsageSum) => void): void {
    const bucket = this.#bucketIn(part, time)
    if (bucket < this.#oldest) return
    const sums = this.#sumsIn(part, bucket)
    let id = groupId(group)
    const isNew = !sums.has(id)
    if (isNew && (this.#sumCount >= maxSums || (this.#groups.size >= maxGroups && !this.#groups.has(id)))) {
      group = overflowGroup
      id = overflowId
    }
    if (isNew && !sums.has(id)) {
      this.#sumCount++
      this.#groups.set(id, (this.#groups.get(id) ?? 0) + 1)
    }
    to(sumIn(sums, id, group))
    for (const window of this.#windows.values()) if (bucket >= window.from) to(sumIn(window.sums, id, group))
  }

  /** Removes all sums of one segment. */
  remove(part: SegmentPart): void {
    for (const bucket of [...part.buckets.keys()]) this.#removeBucket(part, bucket)
    this.#parts.delete(part)
  }

  /** Returns whether the clock went back so far that windows would need dropped buckets. */
  needsDropped(now: number): boolean {
    return this.start(now, this.horizonMillis) < this.#oldest
  }

  /** Drops buckets that no window can need any more. */
  drop(now: number): void {
    const oldest = this.start(now, this.horizonMillis)
    if (oldest <= this.#oldest) return
    for (const window of this.#windows.values()) this.#advance(window, oldest)
    this.#oldest = oldest
    for (const part of this.#parts) {
      for (const bucket of [...part.buckets.keys()]) if (bucket < oldest) this.#removeBucket(part, bucket)
    }
  }

  /** Returns the up-to-date window of this length. */
  window(now: number, windowMillis: number): Window {
    const from = this.start(now, windowMillis)
    let window = this.#windows.get(windowMillis)
    // A clock that went back widens the window, so its sums must be gathered from the buckets again.
    if (window === undefined || window.from > from) window = this.#gather(from)
    else this.#advance(window, from)
    this.#windows.delete(windowMillis)
    this.#windows.set(windowMillis, window)
    for (const length of this.#windows.keys()) {
      if (this.#windows.size <= maxWindows) break
      this.#windows.delete(length)
    }
    return window
  }

  /** Returns the calls of the buckets from `from` on, by bucket and model. */
  series(from: number): ReadonlyArray<SeriesRow> {
    const rows = new SeriesRows()
    for (const part of this.#parts) {
      for (const [bucket, sums] of part.buckets) {
        if (bucket >= from) for (const usage of sums.values()) rows.add(bucket, usage)
      }
    }
    return rows.all
  }

  #gather(from: number): Window {
    const window: Window = { from, sums: new Map() }
    for (const part of this.#parts) {
      for (const [bucket, sums] of part.buckets) {
        if (bucket < from) continue
        for (const [id, usage] of sums) sumIn(window.sums, id, usage.group).merge(usage, 1)
      }
    }
    return window
  }

  #advance(window: Window, from: number): void {
    if (from <= window.from) return
    for (const part of this.#parts) {
      for (const [bucket, sums] of part.buckets) {
        if (bucket >= window.from && bucket < from) subtract(window, sums)
      }
    }
    window.from = from
  }

  #removeBucket(part: SegmentPart, bucket: number): void {
    const sums = part.buckets.get(bucket) ?? new Map<string, UsageSum>()
    part.buckets.delete(bucket)
    for (const window of this.#windows.values()) if (bucket >= window.from) subtract(window, sums)
    this.#sumCount -= sums.size
    for (const id of sums.keys()) {
      const left = (this.#groups.get(id) ?? 1) - 1
      if (left === 0) this.#groups.delete(id)
      else this.#groups.set(id, left)
    }
  }

  #sumsIn(part: SegmentPart, bucket: number): Map<string, UsageSum> {
    this.#parts.add(part)
    let sums = part.buckets.get(bucket)
    if (sums === undefined) {
      sums = new Map()
      part.buckets.set(bucket, sums)
    }
    return sums
  }

  /** Bounds the time by the end of the segment's hour: an entry with a time in the far future would stay in every window. */
  #bucketIn(part: SegmentPart, time: number): number {
    return this.#bucketOf(Math.min(time, part.hour + hourMillis - 1))
  }

  #bucketOf(time: number): number {
    return Math.floor(time / this.bucketMillis) * this.bucketMillis
  }
}

const other = "(other)"
const overflowGroup: Group = { provider: other, model: other, upstream: other, key: other, project: other }
const overflowId = groupId(overflowGroup)

const sumIn = (sums: Map<string, UsageSum>, id: string, group: Partial<Group>): UsageSum => {
  let usage = sums.get(id)
  if (usage === undefined) {
    usage = new UsageSum(groupOf(group))
    sums.set(id, usage)
  }
  return usage
}

const subtract = (window: Window, sums: ReadonlyMap<string, UsageSum>): void => {
  for (const [id, usage] of sums) {
    const sum = window.sums.get(id)
    if (sum === undefined) continue
    sum.merge(usage, -1)
    if (sum.requests === 0) window.sums.delete(id)
  }
}
