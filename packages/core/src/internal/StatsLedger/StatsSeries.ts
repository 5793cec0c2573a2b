/** The calls of a window by time and model, for charts and for readers that drop old buckets themselves. */
import type { Group } from "./UsageSum.ts"

/** The calls of one model within one bucket. */
export interface SeriesRow {
  /** The start of the bucket in milliseconds since 1970. */
  readonly at: number
  readonly provider: string
  /** The alias. */
  readonly model: string
  requests: number
  errors: number
  bytesSent: number
  bytesReceived: number
}

export interface StatsSeries {
  /** The start of the first bucket in milliseconds since 1970. */
  readonly from: number
  /** The time of the snapshot in milliseconds since 1970. */
  readonly to: number
  readonly windowMinutes: number
  /** 10,000, or 60,000 if the window is longer than an hour. */
  readonly bucketMillis: number
  /** The buckets with calls, in any order; at most 32,768. */
  readonly rows: ReadonlyArray<SeriesRow>
}

interface CountedCalls {
  readonly group: Group
  readonly requests: number
  readonly errors: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** Sums calls that differ only in key, project or upstream model. */
export class SeriesRows {
  readonly #rows = new Map<string, SeriesRow>()

  add(at: number, { bytesReceived, bytesSent, errors, group: { model, provider }, requests }: CountedCalls): void {
    const id = `${at},${provider.length}:${provider}${model}`
    const row = this.#rows.get(id)
    if (row === undefined) {
      this.#rows.set(id, { at, provider, model, requests, errors, bytesSent, bytesReceived })
      return
    }
    row.requests += requests
    row.errors += errors
    row.bytesSent += bytesSent
    row.bytesReceived += bytesReceived
  }

  get all(): ReadonlyArray<SeriesRow> {
    return [...this.#rows.values()]
  }
}
