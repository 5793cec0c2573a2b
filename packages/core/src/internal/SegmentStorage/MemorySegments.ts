/** Segments in memory, with the full contract of the port and a bound that acts like a full disk. Texts are ASCII, so one character is one byte. */
import { Effect } from "effect"
import { type SegmentName, segmentHour } from "../../SegmentName.ts"
import type { ExclusiveSegment, OpenFailure, SegmentAppender, SegmentChunk } from "./SegmentAccess.ts"

interface MemorySegment {
  readonly id: string
  text: string
  appenders: number
  exclusive: boolean
}

const maxChunkBytes = 262_144

export class MemorySegments {
  readonly capacity: number
  readonly #segments = new Map<SegmentName, MemorySegment>()
  readonly #rollUps = new Map<SegmentName, string>()
  readonly aside: Array<string> = []
  readonly #maxAsideBytes: number
  #used = 0
  #asideBytes = 0
  #made = 0

  constructor(options: { readonly capacityBytes?: number; readonly maxAsideBytes?: number } = {}) {
    this.capacity = options.capacityBytes ?? 67_108_864
    this.#maxAsideBytes = options.maxAsideBytes ?? 1_048_576
  }

  get storage() {
    return {
      name: "memory",
      isProtected: true,
      open: (name: SegmentName) => this.#open(name),
      list: Effect.sync(() => ({ entries: new Set(this.#segments.keys()), rollUps: new Set(this.#rollUps.keys()) })),
      read: (name: SegmentName, offset: number) => Effect.sync(() => this.#read(name, offset, false)),
      readRollUp: (name: SegmentName) => Effect.sync(() => this.#rollUps.get(name)),
      size: (name: SegmentName) =>
        Effect.sync(() => (this.#segments.get(name)?.text.length ?? 0) + (this.#rollUps.get(name)?.length ?? 0)),
      sync: () => Effect.void,
      exclusively: <A, E, R>(name: SegmentName, use: (segment: ExclusiveSegment) => Effect.Effect<A, E, R>) =>
        Effect.acquireUseRelease(
          Effect.sync(() => this.#exclude(name)),
          (segment) => (segment === undefined ? Effect.undefined : use(this.#exclusiveSegment(name))),
          (segment) =>
            Effect.sync(() => {
              if (segment !== undefined) segment.exclusive = false
            }),
        ),
      removeRollUp: (name: SegmentName) => Effect.sync(() => this.#removeRollUp(name)),
      setAside: (lines: ReadonlyArray<string>) => Effect.sync(() => this.#setAside(lines)),
    }
  }

  #open(name: SegmentName): SegmentAppender | OpenFailure {
    if (segmentHour(name) === undefined) return { _tag: "Failed", code: "EINVAL" }
    if (this.#rollUps.has(name) || this.#segments.get(name)?.exclusive) return { _tag: "Replaced" }
    let segment = this.#segments.get(name)
    if (segment === undefined) {
      segment = { id: `${name}#${++this.#made}`, text: "", appenders: 0, exclusive: false }
      this.#segments.set(name, segment)
    }
    return this.#appender(name, segment)
  }

  #appender(name: SegmentName, segment: MemorySegment): SegmentAppender {
    segment.appenders++
    let open = true
    return {
      append: (text) => {
        if (!open) return { code: "EBADF", written: 0 }
        const room = Math.max(0, this.capacity - this.#used)
        const fits = room >= text.length ? text : text.slice(0, room)
        segment.text += fits
        this.#used += fits.length
        return fits.length === text.length ? undefined : { code: "ENOSPC", written: fits.length }
      },
      isDetached: () => this.#segments.get(name) !== segment,
      close: () => {
        if (open) segment.appenders--
        open = false
      },
    }
  }

  #read(name: SegmentName, offset: number, unfinished: boolean): SegmentChunk | undefined {
    const segment = this.#segments.get(name)
    if (segment === undefined) return undefined
    const chunk = segment.text.slice(offset, offset + maxChunkBytes)
    const atEnd = chunk.length < maxChunkBytes
    const end = chunk.lastIndexOf("\n") + 1
    const whole = atEnd ? unfinished : end === 0
    const bytes = whole ? chunk.length : end
    return { id: segment.id, text: chunk.slice(0, bytes), next: offset + bytes, atEnd }
  }

  #exclude(name: SegmentName): MemorySegment | undefined {
    const segment = this.#segments.get(name)
    if (segment === undefined || segment.exclusive || segment.appenders > 0) return undefined
    segment.exclusive = true
    return segment
  }

  #exclusiveSegment(name: SegmentName): ExclusiveSegment {
    return {
      read: (offset) =>
        Effect.sync(() => this.#read(name, offset, true) ?? { id: "", text: "", next: offset, atEnd: true }),
      replace: (rollUp) =>
        Effect.sync(() => {
          this.#rollUps.set(name, rollUp)
          this.#used += rollUp.length
          this.#removeSegment(name)
        }),
      remove: Effect.sync(() => this.#removeSegment(name)),
    }
  }

  #removeSegment(name: SegmentName): void {
    this.#used -= this.#segments.get(name)?.text.length ?? 0
    this.#segments.delete(name)
  }

  #removeRollUp(name: SegmentName): void {
    this.#used -= this.#rollUps.get(name)?.length ?? 0
    this.#rollUps.delete(name)
  }

  #setAside(lines: ReadonlyArray<string>): number {
    let kept = 0
    for (const line of lines) {
      if (this.#asideBytes + line.length + 1 > this.#maxAsideBytes) break
      this.#asideBytes += line.length + 1
      this.aside.push(line)
      kept++
    }
    return kept
  }
}
