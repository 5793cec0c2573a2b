/**
 * Appends lines to the hour's segment, synchronously, and never fails: what the storage refuses waits in bounded room and is tried again
 * with each later line. Which hour it is goes by the clock, not by the entry.
 */
import { hourMillis, hourOf, segmentName, segmentsPerHour } from "../../SegmentName.ts"
import type { AppendFailure, SegmentAppender, SegmentStorage } from "../../SegmentStorage.ts"

/** Lines that wait for the storage, in number and in characters; beyond it the newest are lost, and counted. */
export const waitingMaxCount = 1000
export const waitingMaxBytes = 1_048_576

/** How often it is checked that the open segment still stands under its name. */
const checkMillis = 1000

export interface Backlog {
  /** Why the storage refused last: `ENOSPC`, `EACCES` …; `REPLACED` where all segments of the hour are closed. */
  readonly reason: string
  /** Milliseconds since 1970: the first refusal. */
  readonly since: number
  /** Entries that wait in memory. */
  readonly waiting: number
  /** Entries that found no room there since then. */
  readonly lost: number
}

export class SegmentWriter {
  readonly #storage: SegmentStorage["Service"]
  readonly #refused: () => void
  #appender: SegmentAppender | undefined
  #hour = 0
  /** Until then neither the hour nor the segment needs a look. */
  #goodUntil = 0
  #goodFrom = 0
  /** The last write was cut off: the next line must not continue it. */
  #torn = false
  #waiting: Array<string> = []
  #waitingBytes = 0
  #backlog: { reason: string; readonly since: number; lost: number } | undefined

  /** `refused` is called for each line that the storage did not take. */
  constructor(storage: SegmentStorage["Service"], refused: () => void) {
    this.#storage = storage
    this.#refused = refused
  }

  get backlog(): Backlog | undefined {
    return this.#backlog && { ...this.#backlog, waiting: this.#waiting.length }
  }

  write(line: string, now: number): void {
    // Those that wait go first; if they cannot, this one need not try.
    if (this.#backlog !== undefined) this.retry(now)
    if (this.#backlog === undefined) {
      const reason = this.#append(line, now)
      if (reason === undefined) return
      this.#backlog = { reason, since: now, lost: 0 }
    }
    this.#keep(line)
    this.#refused()
  }

  /** Tries again what waits. */
  retry(now: number): void {
    const backlog = this.#backlog
    if (backlog === undefined) return
    let written = 0
    for (const line of this.#waiting) {
      const reason = this.#append(line, now)
      if (reason !== undefined) {
        backlog.reason = reason
        break
      }
      written++
      this.#waitingBytes -= line.length
    }
    this.#waiting = this.#waiting.slice(written)
    if (this.#waiting.length === 0) this.#backlog = undefined
  }

  /** Lets go of the segment once its hour is over, so that it can be compacted though nothing more is recorded. */
  closePast(now: number): void {
    if (this.#hour !== hourOf(now)) this.close()
  }

  close(): void {
    this.#appender?.close()
    this.#appender = undefined
    this.#goodUntil = 0
    this.#torn = false
  }

  #keep(line: string): void {
    if (this.#waiting.length >= waitingMaxCount || this.#waitingBytes + line.length > waitingMaxBytes) {
      this.#backlog!.lost++
    } else {
      this.#waiting.push(line)
      this.#waitingBytes += line.length
    }
  }

  /** `undefined` once the line is in the segment, else why not. */
  #append(line: string, now: number): string | undefined {
    if (now >= this.#goodUntil || now < this.#goodFrom || this.#appender === undefined) {
      const reason = this.#open(now)
      if (reason !== undefined) return reason
    }
    const failure = this.#appender!.append(this.#torn ? `\n${line}` : line)
    if (failure === undefined) {
      this.#torn = false
      return undefined
    }
    return this.#cut(line, failure)
  }

  #cut(line: string, failure: AppendFailure): string | undefined {
    const written = failure.written - (this.#torn && failure.written > 0 ? 1 : 0)
    // Nothing of it, or only the newline that comes before it: then what was torn still is, or is no more.
    this.#torn = written > 0 || (this.#torn && failure.written === 0)
    // All but its newline: it counts as written, since readers take it for whole.
    return written === line.length - 1 ? undefined : failure.code
  }

  /** Makes sure that the open segment is the hour's and that it still stands under its name. */
  #open(now: number): string | undefined {
    const hour = hourOf(now)
    if (this.#appender !== undefined && (this.#hour !== hour || this.#appender.isDetached())) this.close()
    if (this.#appender === undefined) {
      const opened = this.#openFirst(hour)
      if (typeof opened === "string") return opened
      this.#appender = opened
      this.#hour = hour
    }
    this.#goodFrom = now
    this.#goodUntil = Math.min(now + checkMillis, hour + hourMillis)
    return undefined
  }

  #openFirst(hour: number): SegmentAppender | string {
    for (let ordinal = 0; ordinal < segmentsPerHour; ordinal++) {
      const opened = this.#storage.open(segmentName(hour, ordinal))
      if (!("_tag" in opened)) return opened
      if (opened._tag === "Failed") return opened.code
    }
    return "REPLACED"
  }
}
