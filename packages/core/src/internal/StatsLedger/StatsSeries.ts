/** The calls of a window as they lie in time: for who draws them, or goes on dropping the oldest without the ledger at hand. */
import type { Group } from "./UsageSum.ts"

/** The calls of one model within one bucket. */
export interface SeriesRow {
  /** Start of the bucket, milliseconds since 1970. */
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
  /** Start of the first bucket, milliseconds since 1970. */
  readonly from: number
  /** Now. */
  readonly to: number
  readonly windowMinutes: number
  /** 10,000, or 60,000 where the window is longer than an hour. */
  readonly bucketMillis: number
  /** Only buckets in which there were calls, in no particular order; at most 32,768. */
  readonly rows: ReadonlyArray<SeriesRow>
}

interface Counted {
  readonly group: Group
  readonly requests: number
  readonly errors: number
  readonly bytesSent: number
  readonly bytesReceived: number
}

/** WindowSums what differs only in key, project or upstream. */
export class SeriesRows {
  readonly #rows = new Map<string, SeriesRow>()

  add(at: number, { bytesReceived, bytesSent, errors, group: { model, provider }, requests }: Counted): void {
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
