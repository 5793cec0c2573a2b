/**
 * The format of a roll-up: one line per minute and group of a segment. It names its segment and has the same sums and histograms, so no
 * total changes when it replaces the segment. Only the order of calls within a minute is lost.
 */
import { Schema } from "effect"
import type { SegmentName } from "../../SegmentName.ts"
import { type DurationHistogram, stepCount } from "./DurationHistogram.ts"
import { isNewer, parseLine } from "./readLines.ts"
import { UsageSum } from "./UsageSum.ts"

export const minuteMillis = 60_000

const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** The sum of milliseconds, then step, count, step, count … of a `DurationHistogram`. A roll-up has many numbers, so they are checked together. */
const Durations = Schema.declare(
  (value): value is ReadonlyArray<number> =>
    Array.isArray(value) && value.every((number) => Number.isSafeInteger(number) && number >= 0),
)

const Head = Schema.Struct({ v: Schema.Literal(1), segment: Schema.String, entries: Whole, foreign: Whole })
const Row = Schema.Struct({
  v: Schema.Literal(1),
  minute: Whole,
  provider: Schema.String,
  model: Schema.String,
  upstream: Schema.String,
  key: Schema.String,
  project: Schema.String,
  requests: Whole,
  sent: Whole,
  received: Whole,
  input: Whole,
  output: Whole,
  cache_read: Whole,
  cache_write: Whole,
  reasoning: Whole,
  cost_nanos: Whole,
  errors: Schema.Record(Schema.String, Whole),
  latency_ms: Durations,
  first_token_ms: Durations,
})
const decodeHead = Schema.decodeUnknownOption(Head)
const decodeRow = Schema.decodeUnknownOption(Row)

/** The sums of a segment: by start of the minute, then by group. */
export type Minutes = ReadonlyMap<number, ReadonlyMap<string, UsageSum>>

export const encodeRollUp = (segment: SegmentName, minutes: Minutes, foreign: number): string => {
  const lines: Array<string> = []
  let entries = 0
  for (const [minute, usages] of minutes) {
    for (const usage of usages.values()) {
      entries += usage.requests
      lines.push(JSON.stringify(rowOf(minute, usage)))
    }
  }
  const head: typeof Head.Type = { v: 1, segment, entries, foreign }
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`
}

const rowOf = (minute: number, usage: UsageSum): typeof Row.Type => ({
  v: 1,
  minute,
  ...usage.group,
  requests: usage.requests,
  sent: usage.bytesSent,
  received: usage.bytesReceived,
  input: usage.inputTokens,
  output: usage.outputTokens,
  cache_read: usage.cacheReadTokens,
  cache_write: usage.cacheWriteTokens,
  reasoning: usage.reasoningTokens,
  cost_nanos: usage.costNanos,
  errors: usage.errorKinds,
  latency_ms: durationsOf(usage.latency),
  first_token_ms: durationsOf(usage.firstToken),
})

/** A decoded roll-up. */
export interface RollUp {
  readonly rows: ReadonlyArray<{ readonly minute: number; readonly usage: UsageSum }>
  /** The number of unreadable lines in the segment. */
  readonly foreign: number
}

/** Decodes a roll-up. Returns `newer` for a newer format, and `undefined` if the text is damaged or belongs to another segment. */
export const decodeRollUp = (segment: SegmentName, text: string): RollUp | "newer" | undefined => {
  const [first = "", ...rest] = text.split("\n").filter((line) => line !== "")
  const start = parseLine(first)
  if (isNewer(start)) return "newer"
  const head = decodeHead(start)
  if (head._tag === "None" || head.value.segment !== segment) return undefined
  const rows: Array<{ readonly minute: number; readonly usage: UsageSum }> = []
  let entries = 0
  for (const line of rest) {
    const row = decodeRow(parseLine(line))
    if (row._tag === "None") return undefined
    const usage = usageSumOf(row.value)
    entries += usage.requests
    rows.push({ minute: row.value.minute, usage })
  }
  return entries === head.value.entries ? { rows, foreign: head.value.foreign } : undefined
}

const usageSumOf = (row: typeof Row.Type): UsageSum => {
  const { key, model, project, provider, upstream } = row
  const usage = new UsageSum({ provider, model, upstream, key, project })
  usage.requests = row.requests
  usage.bytesSent = row.sent
  usage.bytesReceived = row.received
  usage.inputTokens = row.input
  usage.outputTokens = row.output
  usage.cacheReadTokens = row.cache_read
  usage.cacheWriteTokens = row.cache_write
  usage.reasoningTokens = row.reasoning
  usage.costNanos = row.cost_nanos
  for (const [kind, count] of Object.entries(row.errors)) usage.addErrors(kind, count)
  addDurations(usage.latency, row.latency_ms)
  addDurations(usage.firstToken, row.first_token_ms)
  return usage
}

const durationsOf = (histogram: DurationHistogram): ReadonlyArray<number> => {
  if (histogram.count === 0) return []
  const numbers = [histogram.sumMillis]
  histogram.forEach((step, count) => void numbers.push(step, count))
  return numbers
}

const addDurations = (histogram: DurationHistogram, [sumMillis = 0, ...pairs]: ReadonlyArray<number>): void => {
  histogram.sumMillis += sumMillis
  for (let i = 0; i + 1 < pairs.length; i += 2) histogram.addStep(Math.min(pairs[i]!, stepCount - 1), pairs[i + 1]!)
}
