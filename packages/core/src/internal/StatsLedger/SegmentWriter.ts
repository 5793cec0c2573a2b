/**
 * Appends lines to the segment of the current hour, synchronously, and never fails, even if the storage throws. A line that the storage refuses
 * waits in bounded memory and is tried again with each later line. The clock selects the hour, not the entry.
 */
import { hourMillis, hourOf, type SegmentName, segmentName, segmentsPerHour } from "../../SegmentName.ts"
import type { AppendFailure, OpenFailure, SegmentAppender, SegmentStorage } from "../../SegmentStorage.ts"

/** The most lines, and characters, that wait for the storage. Beyond that new lines are lost and counted. */
export const maxWaiting = 1000
export const maxWaitingBytes = 1_048_576

/** The most characters of a reason. */
const maxReason = 200

/** The interval between two checks that the open segment still has its name. */
const checkMillis = 1000

export interface Backlog {
  /** Why the storage refused the last line: `ENOSPC`, `EACCES` …, or `REPLACED` if all segments of the hour are compacted. */
  readonly reason: string
  /** The time of the first refusal in milliseconds since 1970. */
  readonly since: number
  /** The number of entries that wait in memory. */
  readonly waiting: number
  /** The number of entries that were lost since then, because the memory was full. */
  readonly lost: number
}

/** Called synchronously by the writer. */
export interface WriterEvents {
  /** The storage refused a line. */
  readonly onRefused: () => void
  /** A segment got its first line since the last `takeUnsynced`. */
  readonly onUnsynced: () => void
}

export class SegmentWriter {
  readonly #storage: SegmentStorage["Service"]
  readonly #events: WriterEvents
  #appender: SegmentAppender | undefined
  #hour = 0
  #name: SegmentName = ""
  /** Whether `#unsynced` has the open segment. */
  #isUnsynced = false
  readonly #unsynced = new Set<SegmentName>()
  /** Until this time neither the hour nor the segment needs a check. */
  #validUntil = 0
  #validFrom = 0
  /** Whether the last write was cut off, so that the next line must start with a newline. */
  #torn = false
  #waiting: Array<string> = []
  #waitingBytes = 0
  #backlog: { reason: string; readonly since: number; lost: number } | undefined

  constructor(storage: SegmentStorage["Service"], events: WriterEvents) {
    this.#storage = storage
    this.#events = events
  }

  get backlog(): Backlog | undefined {
    return this.#backlog && { ...this.#backlog, waiting: this.#waiting.length }
  }

  write(line: string, now: number): void {
    // Waiting lines go first. If they fail, this line would fail too.
    if (this.#backlog !== undefined) this.retry(now)
    if (this.#backlog === undefined) {
      const reason = this.#append(line, now)
      if (reason === undefined) return
      this.#backlog = { reason, since: now, lost: 0 }
    }
    this.#keep(line)
    this.#events.onRefused()
  }

  /** Returns the segments that have new lines since the last call: at most one for each hour, and one more for each that was replaced. */
  takeUnsynced(): ReadonlyArray<SegmentName> {
    const names = [...this.#unsynced]
    this.#unsynced.clear()
    this.#isUnsynced = false
    return names
  }

  /** Notes that the segment has lines that are not synced. */
  noteUnsynced(name: SegmentName): void {
    if (name === this.#name) this.#isUnsynced = true
    this.#unsynced.add(name)
    this.#events.onUnsynced()
  }

  /** Tries to write the waiting lines. */
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

  /** Closes the segment if its hour is over, so that it can be compacted although no further entry is recorded. */
  closePast(now: number): void {
    if (this.#hour !== hourOf(now)) this.close()
  }

  close(): void {
    const appender = this.#appender
    if (appender !== undefined) {
      attempt(
        () => appender.close(),
        () => undefined,
      )
    }
    this.#appender = undefined
    this.#validUntil = 0
    this.#torn = false
  }

  #keep(line: string): void {
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes + line.length > maxWaitingBytes) {
      this.#backlog!.lost++
    } else {
      this.#waiting.push(line)
      this.#waitingBytes += line.length
    }
  }

  /** Returns `undefined` if the line was written, or the reason for the refusal. */
  #append(line: string, now: number): string | undefined {
    if (now >= this.#validUntil || now < this.#validFrom || this.#appender === undefined) {
      const reason = this.#open(now)
      if (reason !== undefined) return reason
    }
    const appender = this.#appender!
    const failure = attempt(
      () => appender.append(this.#torn ? `\n${line}` : line),
      (code) => code,
    )
    if (!this.#isUnsynced) this.noteUnsynced(this.#name)
    if (failure === undefined) {
      this.#torn = false
      return undefined
    }
    if (typeof failure === "string") {
      // A part of the line may be in the segment. A newline too many is harmless.
      this.#torn = true
      return failure
    }
    return this.#afterPartialWrite(line, failure)
  }

  #afterPartialWrite(line: string, failure: AppendFailure): string | undefined {
    const written = failure.written - (this.#torn && failure.written > 0 ? 1 : 0)
    // If nothing was written, a torn line stays torn. If only the newline was written, it is no longer torn.
    this.#torn = written > 0 || (this.#torn && failure.written === 0)
    // Only the newline is missing: readers accept the line, so it counts as written.
    return written === line.length - 1 ? undefined : failure.code
  }

  /** Makes sure that the open segment belongs to the hour and still has its name. */
  #open(now: number): string | undefined {
    const hour = hourOf(now)
    const current = this.#appender
    // A segment that cannot be inspected may still take entries.
    const isDetached = () =>
      current !== undefined &&
      attempt(
        () => current.isDetached(),
        () => false,
      )
    if (this.#hour !== hour || isDetached()) this.close()
    if (this.#appender === undefined) {
      const reason = this.#openFirst(hour)
      if (reason !== undefined) return reason
      this.#hour = hour
    }
    this.#validFrom = now
    this.#validUntil = Math.min(now + checkMillis, hour + hourMillis)
    return undefined
  }

  #openFirst(hour: number): string | undefined {
    for (let ordinal = 0; ordinal < segmentsPerHour; ordinal++) {
      const name = segmentName(hour, ordinal)
      const opened = attempt(
        () => this.#storage.open(name),
        (code): OpenFailure => ({ _tag: "Failed", code }),
      )
      if (!("_tag" in opened)) {
        this.#appender = opened
        this.#name = name
        this.#isUnsynced = this.#unsynced.has(name)
        return undefined
      }
      if (opened._tag === "Failed") return opened.code
    }
    return "REPLACED"
  }
}

/** A storage may throw anything. That is a refusal, never a failure of the caller who records. */
const attempt = <A, B>(operation: () => A, refused: (code: string) => B): A | B => {
  try {
    return operation()
  } catch (error) {
    const code =
      error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error)
    return refused(code.slice(0, maxReason))
  }
}
