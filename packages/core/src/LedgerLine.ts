/**
 * The line of an entry in a segment. It is ASCII JSON that begins with its version and leaves out defaults. So its bytes are its characters,
 * it contains no other newline, and its first bytes occur nowhere else in a line: a reader can separate a torn line from the whole line
 * after it.
 */
import { Schema } from "effect"
import {
  boundedCost,
  boundedName,
  maxCost,
  maxCount,
  maxNameLength,
  timeOf,
  wholeCount,
} from "./internal/LedgerEntryBounds.ts"
import { LedgerEntry, type LedgerEntryInput } from "./LedgerEntry.ts"

/** The JSON object of a line, without its version. */
export const WireEntry = LedgerEntry.pipe(
  Schema.encodeKeys({
    bytesSent: "sent",
    bytesReceived: "received",
    inputTokens: "input",
    outputTokens: "output",
    cacheReadTokens: "cache_read",
    cacheWriteTokens: "cache_write",
    reasoningTokens: "reasoning",
    latencyMillis: "latency_ms",
    timeToFirstTokenMillis: "first_token_ms",
  }),
)
export interface WireEntry extends Schema.Codec.Encoded<typeof WireEntry> {}

/** The version at the start of every line. A newer program writes a greater one. */
export const lineVersion = 1

/** The start of every line of every version. No JSON string contains it, because its quotes would be escaped. */
export const lineStart = '{"v":'

const linePrefix = `${lineStart}${lineVersion},"time":`

/**
 * Encodes an entry as its line, including the newline. It runs for every call, and costs a third of `JSON.stringify`.
 *
 * **Example** (Encoding an entry)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { encodeLine } from "@signalbox/core/LedgerLine"
 *
 * strictEqual(encodeLine({ model: "fast", inputTokens: 3 }, 1_000), '{"v":1,"time":1000,"model":"fast","input":3}\n')
 * ```
 */
export const encodeLine = (input: LedgerEntryInput, now: number): string => {
  const { cost, error, latencyMillis, status, timeToFirstTokenMillis } = input
  let line = linePrefix + timeOf(input.time, now) + namesOf(input)
  if (input.bytesSent) line += `,"sent":${wholeCount(input.bytesSent)}`
  if (input.bytesReceived) line += `,"received":${wholeCount(input.bytesReceived)}`
  if (input.inputTokens) line += `,"input":${wholeCount(input.inputTokens)}`
  if (input.outputTokens) line += `,"output":${wholeCount(input.outputTokens)}`
  if (input.cacheReadTokens) line += `,"cache_read":${wholeCount(input.cacheReadTokens)}`
  if (input.cacheWriteTokens) line += `,"cache_write":${wholeCount(input.cacheWriteTokens)}`
  if (input.reasoningTokens) line += `,"reasoning":${wholeCount(input.reasoningTokens)}`
  if (cost !== undefined) line += `,"cost":${boundedCost(cost)}`
  if (status !== undefined) line += `,"status":${wholeCount(status)}`
  if (error !== undefined) line += `,"error":${quoted(error)}`
  if (latencyMillis !== undefined) line += `,"latency_ms":${wholeCount(latencyMillis)}`
  if (timeToFirstTokenMillis !== undefined) line += `,"first_token_ms":${wholeCount(timeToFirstTokenMillis)}`
  return `${line}}\n`
}

/**
 * Returns whether parsed JSON is an entry of this version. It agrees with decoding `WireEntry`, at a tenth of the cost.
 *
 * **Example** (Checking a line)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { isWireEntry } from "@signalbox/core/LedgerLine"
 *
 * deepStrictEqual([{ v: 1, time: 1_000 }, { v: 1, time: "now" }].map(isWireEntry), [true, false])
 * ```
 */
export const isWireEntry = (value: unknown): value is WireEntry => {
  if (typeof value !== "object" || value === null) return false
  const line = value as { readonly [K in keyof WireEntry]?: unknown } & { readonly v?: unknown }
  return (
    line.v === lineVersion &&
    Number.isSafeInteger(line.time) &&
    (line.time as number) >= 0 &&
    isName(line.provider) &&
    isName(line.model) &&
    isName(line.upstream) &&
    isName(line.key) &&
    isName(line.project) &&
    isCount(line.sent) &&
    isCount(line.received) &&
    isCount(line.input) &&
    isCount(line.output) &&
    isCount(line.cache_read) &&
    isCount(line.cache_write) &&
    isCount(line.reasoning) &&
    isAmount(line.cost) &&
    isCount(line.status) &&
    isName(line.error) &&
    isCount(line.latency_ms) &&
    isCount(line.first_token_ms)
  )
}

const isName = (value: unknown): boolean =>
  value === undefined || (typeof value === "string" && value.length <= maxNameLength)

const isCount = (value: unknown): boolean =>
  value === undefined || (typeof value === "number" && value >= 0 && value <= maxCount && Number.isSafeInteger(value))

const isAmount = (value: unknown): boolean =>
  value === undefined || (typeof value === "number" && value >= 0 && value <= maxCost)

type Names = { readonly [K in "provider" | "model" | "upstream" | "key" | "project"]?: string | undefined }
/** The quoted names of the last entry, which most entries repeat. */
let last: { readonly names: Names; readonly text: string } = { names: {}, text: "" }

const namesOf = ({ key, model, project, provider, upstream }: LedgerEntryInput): string => {
  const { names, text } = last
  const isSame =
    names.provider === provider &&
    names.model === model &&
    names.upstream === upstream &&
    names.key === key &&
    names.project === project
  if (isSame) return text
  let line = ""
  if (provider) line += `,"provider":${quoted(provider)}`
  if (model) line += `,"model":${quoted(model)}`
  if (upstream) line += `,"upstream":${quoted(upstream)}`
  if (key) line += `,"key":${quoted(key)}`
  if (project) line += `,"project":${quoted(project)}`
  const all = { provider, model, upstream, key, project }
  if (Object.values(all).every((name) => name === undefined || name.length <= maxNameLength)) {
    last = { names: all, text: line }
  }
  return line
}

/** The bound of the cache of quoted names. A program has few names; at the bound the cache is cleared. */
const maxQuoted = 1024
const alreadyQuoted = new Map<string, string>()

const quoted = (name: string): string => {
  const known = alreadyQuoted.get(name.length <= maxNameLength ? name : "")
  if (known !== undefined) return known
  const short = boundedName(name)
  const text = JSON.stringify(short).replace(/[\u007f-\uffff]/g, escaped)
  if (alreadyQuoted.size >= maxQuoted) alreadyQuoted.clear()
  if (short === name && short !== "") alreadyQuoted.set(name, text)
  return text
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
