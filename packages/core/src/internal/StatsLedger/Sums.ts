/**
 * Sums by time and group, and sliding windows over them. A window costs what comes in and what goes out, never what stays: each keeps its
 * own sums, to which new calls are added and from which the buckets that have left it are taken.
 */

import type { WireEntry } from "../../Entry.ts"
import { hourMillis } from "../../Segment.ts"
import { Cell, type Group, groupId, groupOf } from "./Cell.ts"
import { Rows, type SeriesRow } from "./Series.ts"

/** Distinct groups at a time, and sums of one group in one bucket; what is beyond is summed under the name `(other)`. */
export const groupsMax = 2048
export const cellsMax = 32_768
/** Windows of different length that are kept up to date; the one that was asked for longest ago goes first. */
const windowsMax = 4

/** What came from one segment: it goes as a whole when a roll-up takes the segment's place. */
export interface Part {
  /** Start of the segment's hour; no entry in it is younger than that hour's end. */
  readonly hour: number
  /** By start of the bucket, then by group. */
  readonly buckets: Map<number, Map<string, Cell>>
}

export const makePart = (hour: number): Part => ({ hour, buckets: new Map() })

export interface Window {
  /** Start of the first bucket in it. */
  from: number
  readonly cells: Map<string, Cell>
}

export interface SumsOptions {
  readonly bucketMillis: number
  /** What is older is forgotten. */
  readonly horizonMillis: number
}

export class Sums {
  readonly bucketMillis: number
  readonly horizonMillis: number
  readonly #parts = new Set<Part>()
  readonly #windows = new Map<number, Window>()
  /** In how many cells a group occurs. */
  readonly #groups = new Map<string, number>()
  #cells = 0
  /** Start of the oldest bucket that is kept. */
  #oldest = 0

  constructor(options: SumsOptions) {
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

  addEntry(part: Part, wire: WireEntry): void {
    this.#add(part, wire.time, wire, (cell) => cell.add(wire))
  }

  addCell(part: Part, time: number, sum: Cell): void {
    this.#add(part, time, sum.group, (cell) => cell.merge(sum, 1))
  }

  #add(part: Part, time: number, group: Partial<Group>, to: (cell: Cell) => void): void {
    const bucket = this.#bucketIn(part, time)
    if (bucket < this.#oldest) return
    const cells = this.#cellsIn(part, bucket)
    let id = groupId(group)
    const isNew = !cells.has(id)
    if (isNew && (this.#cells >= cellsMax || (this.#groups.size >= groupsMax && !this.#groups.has(id)))) {
      group = others
      id = othersId
    }
    if (isNew && !cells.has(id)) {
      this.#cells++
      this.#groups.set(id, (this.#groups.get(id) ?? 0) + 1)
    }
    to(cellIn(cells, id, group))
    for (const window of this.#windows.values()) if (bucket >= window.from) to(cellIn(window.cells, id, group))
  }

  /** Takes out all that came from one segment. */
  remove(part: Part): void {
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
    const rows = new Rows()
    for (const part of this.#parts) {
      for (const [bucket, cells] of part.buckets) {
        if (bucket >= from) for (const cell of cells.values()) rows.add(bucket, cell)
      }
    }
    return rows.all
  }

  #gather(from: number): Window {
    const window: Window = { from, cells: new Map() }
    for (const part of this.#parts) {
      for (const [bucket, cells] of part.buckets) {
        if (bucket < from) continue
        for (const [id, cell] of cells) cellIn(window.cells, id, cell.group).merge(cell, 1)
      }
    }
    return window
  }

  #advance(window: Window, from: number): void {
    if (from <= window.from) return
    for (const part of this.#parts) {
      for (const [bucket, cells] of part.buckets) {
        if (bucket >= window.from && bucket < from) takeOut(window, cells)
      }
    }
    window.from = from
  }

  #removeBucket(part: Part, bucket: number): void {
    const cells = part.buckets.get(bucket) ?? new Map<string, Cell>()
    part.buckets.delete(bucket)
    for (const window of this.#windows.values()) if (bucket >= window.from) takeOut(window, cells)
    this.#cells -= cells.size
    for (const id of cells.keys()) {
      const left = (this.#groups.get(id) ?? 1) - 1
      if (left === 0) this.#groups.delete(id)
      else this.#groups.set(id, left)
    }
  }

  #cellsIn(part: Part, bucket: number): Map<string, Cell> {
    this.#parts.add(part)
    let cells = part.buckets.get(bucket)
    if (cells === undefined) {
      cells = new Map()
      part.buckets.set(bucket, cells)
    }
    return cells
  }

  /** What a foreign program put into a segment with a time of its own liking must not stay in every window for ever. */
  #bucketIn(part: Part, time: number): number {
    return this.#bucketOf(Math.min(time, part.hour + hourMillis - 1))
  }

  #bucketOf(time: number): number {
    return Math.floor(time / this.bucketMillis) * this.bucketMillis
  }
}

const other = "(other)"
const others: Group = { provider: other, model: other, upstream: other, key: other, project: other }
const othersId = groupId(others)

const cellIn = (cells: Map<string, Cell>, id: string, group: Partial<Group>): Cell => {
  let cell = cells.get(id)
  if (cell === undefined) {
    cell = new Cell(groupOf(group))
    cells.set(id, cell)
  }
  return cell
}

const takeOut = (window: Window, cells: ReadonlyMap<string, Cell>): void => {
  for (const [id, cell] of cells) {
    const sum = window.cells.get(id)
    if (sum === undefined) continue
    sum.merge(cell, -1)
    if (sum.requests === 0) window.cells.delete(id)
  }
}
