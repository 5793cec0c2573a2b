/**
 * One call of a language model: the input of `record`, and its line in a segment. A line is ASCII JSON that begins with its version and
 * leaves out defaults. So its bytes are its characters, it contains no other newline, and its first bytes occur nowhere else in a line: a
 * reader can separate a torn line from the whole line after it.
 */
import { Effect, Schema } from "effect"

/** In UTF-16 units. A longer provider, model, key, project or error kind is cut and ends with an ellipsis. */
export const maxNameLength = 256

const Name = Schema.String.check(Schema.isMaxLength(maxNameLength)).pipe(
  Schema.withDecodingDefaultKey(Effect.succeed("")),
  Schema.withConstructorDefault(Effect.succeed("")),
)
/** The largest count. Sums of thousands of such counts are exact. */
export const maxCount = 1e12
/** The largest cost of one call in US dollars. Sums of thousands of such costs are exact. */
export const maxCost = 1e6

const Whole = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: maxCount }))
const Count = Whole.pipe(
  Schema.withDecodingDefaultKey(Effect.succeed(0)),
  Schema.withConstructorDefault(Effect.succeed(0)),
)

/** One recorded call. It holds no secret: `key` is the id of a key. Counts are whole numbers from 0 to `maxCount`. */
export const LedgerEntry = Schema.Struct({
  /** The end of the call in milliseconds since 1970. Default: now. A time in the future is replaced by now. */
  time: Schema.Int.check(Schema.isGreaterThanOrEqualTo(0)),
  provider: Name,
  /** The alias that the caller used. */
  model: Name,
  /** The model id that was sent to the provider. */
  upstream: Name,
  /** The id of the caller's key. */
  key: Name,
  project: Name,
  bytesSent: Count,
  bytesReceived: Count,
  /** Tokens of the prompt that were neither read from a cache nor written to it. The two cache counts are not part of it. */
  inputTokens: Count,
  /** All tokens of the response, including reasoning. */
  outputTokens: Count,
  cacheReadTokens: Count,
  cacheWriteTokens: Count,
  /** The part of `outputTokens` that is reasoning. */
  reasoningTokens: Count,
  /** US dollars, at most `maxCost`. Summed in billionths of a dollar. */
  cost: Schema.optionalKey(Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: maxCost }))),
  /** The provider's HTTP status. A call with a status of 400 or more counts as an error. */
  status: Schema.optionalKey(Whole),
  /** The kind of error: `timeout`, `refused` … A call with a kind counts as an error. Without it, a failed status is the kind. */
  error: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(maxNameLength))),
  latencyMillis: Schema.optionalKey(Whole),
  timeToFirstTokenMillis: Schema.optionalKey(Whole),
})
export interface LedgerEntry extends Schema.Schema.Type<typeof LedgerEntry> {}

/** The input of `record`. Every field is optional. A number that is `NaN`, negative, fractional or too large is corrected, not refused. */
export interface LedgerEntryInput extends Partial<LedgerEntry> {}

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
 * Returns the entry that the ledger stores: bounded names, whole counts, and a time that is not after `now`.
 *
 * **Example** (Correcting an entry)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { normalize } from "@signalbox/core/LedgerEntry"
 *
 * const entry = normalize({ model: "fast", inputTokens: -1, time: 2_000 }, 1_000)
 * deepStrictEqual([entry.inputTokens, entry.time], [0, 1_000])
 * ```
 */
export const normalize = (input: LedgerEntryInput, now: number): LedgerEntry => ({
  time: timeOf(input.time, now),
  provider: bounded(input.provider),
  model: bounded(input.model),
  upstream: bounded(input.upstream),
  key: bounded(input.key),
  project: bounded(input.project),
  bytesSent: whole(input.bytesSent),
  bytesReceived: whole(input.bytesReceived),
  inputTokens: whole(input.inputTokens),
  outputTokens: whole(input.outputTokens),
  cacheReadTokens: whole(input.cacheReadTokens),
  cacheWriteTokens: whole(input.cacheWriteTokens),
  reasoningTokens: whole(input.reasoningTokens),
  ...(input.cost === undefined ? {} : { cost: amount(input.cost) }),
  ...(input.status === undefined ? {} : { status: whole(input.status) }),
  ...(input.error === undefined ? {} : { error: bounded(input.error) }),
  ...(input.latencyMillis === undefined ? {} : { latencyMillis: whole(input.latencyMillis) }),
  ...(input.timeToFirstTokenMillis === undefined
    ? {}
    : { timeToFirstTokenMillis: whole(input.timeToFirstTokenMillis) }),
})

/**
 * Encodes an entry as its line, including the newline. It runs for every call, and costs a third of `JSON.stringify`.
 *
 * **Example** (Encoding an entry)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { encodeLine } from "@signalbox/core/LedgerEntry"
 *
 * strictEqual(encodeLine({ model: "fast", inputTokens: 3 }, 1_000), '{"v":1,"time":1000,"model":"fast","input":3}\n')
 * ```
 */
export const encodeLine = (input: LedgerEntryInput, now: number): string => {
  const { cost, error, latencyMillis, status, timeToFirstTokenMillis } = input
  let line = linePrefix + timeOf(input.time, now) + namesOf(input)
  if (input.bytesSent) line += `,"sent":${whole(input.bytesSent)}`
  if (input.bytesReceived) line += `,"received":${whole(input.bytesReceived)}`
  if (input.inputTokens) line += `,"input":${whole(input.inputTokens)}`
  if (input.outputTokens) line += `,"output":${whole(input.outputTokens)}`
  if (input.cacheReadTokens) line += `,"cache_read":${whole(input.cacheReadTokens)}`
  if (input.cacheWriteTokens) line += `,"cache_write":${whole(input.cacheWriteTokens)}`
  if (input.reasoningTokens) line += `,"reasoning":${whole(input.reasoningTokens)}`
  if (cost !== undefined) line += `,"cost":${amount(cost)}`
  if (status !== undefined) line += `,"status":${whole(status)}`
  if (error !== undefined) line += `,"error":${quoted(error)}`
  if (latencyMillis !== undefined) line += `,"latency_ms":${whole(latencyMillis)}`
  if (timeToFirstTokenMillis !== undefined) line += `,"first_token_ms":${whole(timeToFirstTokenMillis)}`
  return `${line}}\n`
}

/**
 * Returns whether parsed JSON is an entry of this version. It agrees with decoding `WireEntry`, at a tenth of the cost.
 *
 * **Example** (Checking a line)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { isWireEntry } from "@signalbox/core/LedgerEntry"
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

/**
 * Returns the kind of error of a call, or `undefined` if the call is not an error.
 *
 * **Example** (Classifying a call)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { errorKind } from "@signalbox/core/LedgerEntry"
 *
 * strictEqual(errorKind({ time: 0, status: 529 }), "http_529")
 * strictEqual(errorKind({ time: 0, status: 200 }), undefined)
 * ```
 */
export const errorKind = (wire: WireEntry): string | undefined => {
  if (wire.error !== undefined) return wire.error === "" ? "error" : wire.error
  return wire.status !== undefined && wire.status >= 400 ? `http_${wire.status}` : undefined
}

const isName = (value: unknown): boolean =>
  value === undefined || (typeof value === "string" && value.length <= maxNameLength)

const isCount = (value: unknown): boolean =>
  value === undefined || (typeof value === "number" && value >= 0 && value <= maxCount && Number.isSafeInteger(value))

const isAmount = (value: unknown): boolean =>
  value === undefined || (typeof value === "number" && value >= 0 && value <= maxCost)

const timeOf = (time: number | undefined, now: number): number =>
  time !== undefined && time >= 0 && time <= now ? Math.abs(Math.floor(time)) : now

const whole = (value: number | undefined): number => {
  if (value === undefined || !(value > 0)) return 0
  if ((value | 0) === value) return value
  return Math.min(Math.round(value), maxCount)
}

const amount = (value: number): number => (value > 0 ? Math.min(value, maxCost) : 0)

const bounded = (name: string | undefined): string => {
  if (name === undefined) return ""
  return name.length <= maxNameLength ? name : `${name.slice(0, maxNameLength - 1).toWellFormed()}…`
}

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
  const short = bounded(name)
  const text = JSON.stringify(short).replace(/[\u007f-\uffff]/g, escaped)
  if (alreadyQuoted.size >= maxQuoted) alreadyQuoted.clear()
  if (short === name && short !== "") alreadyQuoted.set(name, text)
  return text
}

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`
