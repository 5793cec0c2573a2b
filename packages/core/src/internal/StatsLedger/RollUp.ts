/**
 * A segment folded into one line per minute and group. It names the segment that it stands for and holds the same sums and the same
 * sketches, so that no total changes when it takes the segment's place; only the order of calls within a minute is gone.
 */
import { Schema } from "effect"
import type { SegmentName } from "../../Segment.ts"
import { Cell } from "./Cell.ts"
import { isNewer, parsed } from "./Lines.ts"
import { type Sketch, stepCount } from "./Sketch.ts"

export const minuteMillis = 60_000

const Whole = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
/** Sum of milliseconds, then step and count by turns (`Sketch`). Checked at once: an hour's roll-up holds hundreds of thousands of them. */
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

/** A segment's sums: by start of the minute, then by group. */
export type Minutes = ReadonlyMap<number, ReadonlyMap<string, Cell>>

export const encodeRollUp = (segment: SegmentName, minutes: Minutes, foreign: number): string => {
  const lines: Array<string> = []
  let entries = 0
  for (const [minute, cells] of minutes) {
    for (const cell of cells.values()) {
      entries += cell.requests
      lines.push(JSON.stringify(rowOf(minute, cell)))
    }
  }
  const head: typeof Head.Type = { v: 1, segment, entries, foreign }
  return `${[JSON.stringify(head), ...lines].join("\n")}\n`
}

const rowOf = (minute: number, cell: Cell): typeof Row.Type => ({
  v: 1,
  minute,
  ...cell.group,
  requests: cell.requests,
  sent: cell.bytesSent,
  received: cell.bytesReceived,
  input: cell.inputTokens,
  output: cell.outputTokens,
  cache_read: cell.cacheReadTokens,
  cache_write: cell.cacheWriteTokens,
  reasoning: cell.reasoningTokens,
  cost_nanos: cell.costNanos,
  errors: cell.errorKinds,
  latency_ms: durationsOf(cell.latency),
  first_token_ms: durationsOf(cell.firstToken),
})

/** What a roll-up says; `undefined` where the whole of it cannot be trusted. */
export interface RollUp {
  readonly rows: ReadonlyArray<{ readonly minute: number; readonly cell: Cell }>
  /** Lines of the segment that nobody understood. */
  readonly foreign: number
}

export const decodeRollUp = (segment: SegmentName, text: string): RollUp | "newer" | undefined => {
  const [first = "", ...rest] = text.split("\n").filter((line) => line !== "")
  const start = parsed(first)
  if (isNewer(start)) return "newer"
  const head = decodeHead(start)
  if (head._tag === "None" || head.value.segment !== segment) return undefined
  const rows: Array<{ readonly minute: number; readonly cell: Cell }> = []
  let entries = 0
  for (const line of rest) {
    const row = decodeRow(parsed(line))
    if (row._tag === "None") return undefined
    const cell = cellOf(row.value)
    entries += cell.requests
    rows.push({ minute: row.value.minute, cell })
  }
  return entries === head.value.entries ? { rows, foreign: head.value.foreign } : undefined
}

const cellOf = (row: typeof Row.Type): Cell => {
  const { key, model, project, provider, upstream } = row
  const cell = new Cell({ provider, model, upstream, key, project })
  cell.requests = row.requests
  cell.bytesSent = row.sent
  cell.bytesReceived = row.received
  cell.inputTokens = row.input
  cell.outputTokens = row.output
  cell.cacheReadTokens = row.cache_read
  cell.cacheWriteTokens = row.cache_write
  cell.reasoningTokens = row.reasoning
  cell.costNanos = row.cost_nanos
  for (const [kind, count] of Object.entries(row.errors)) cell.addErrors(kind, count)
  addDurations(cell.latency, row.latency_ms)
  addDurations(cell.firstToken, row.first_token_ms)
  return cell
}

const durationsOf = (sketch: Sketch): ReadonlyArray<number> => {
  if (sketch.count === 0) return []
  const numbers = [sketch.sumMillis]
  sketch.forEach((step, count) => void numbers.push(step, count))
  return numbers
}

const addDurations = (sketch: Sketch, [sumMillis = 0, ...pairs]: ReadonlyArray<number>): void => {
  sketch.sumMillis += sumMillis
  for (let i = 0; i + 1 < pairs.length; i += 2) sketch.addStep(Math.min(pairs[i]!, stepCount - 1), pairs[i + 1]!)
}
