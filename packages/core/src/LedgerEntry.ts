/** One call of a language model: the input of `record`, and the entry that the ledger stores. */
import { Effect, Schema } from "effect"
import {
  boundedCost,
  boundedName,
  maxCost,
  maxCount,
  maxNameLength,
  timeOf,
  wholeCount,
} from "./internal/LedgerEntryBounds.ts"

export { maxCost, maxCount, maxNameLength } from "./internal/LedgerEntryBounds.ts"

const Name = Schema.String.check(Schema.isMaxLength(maxNameLength)).pipe(
  Schema.withDecodingDefaultKey(Effect.succeed("")),
  Schema.withConstructorDefault(Effect.succeed("")),
)

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
  provider: boundedName(input.provider),
  model: boundedName(input.model),
  upstream: boundedName(input.upstream),
  key: boundedName(input.key),
  project: boundedName(input.project),
  bytesSent: wholeCount(input.bytesSent),
  bytesReceived: wholeCount(input.bytesReceived),
  inputTokens: wholeCount(input.inputTokens),
  outputTokens: wholeCount(input.outputTokens),
  cacheReadTokens: wholeCount(input.cacheReadTokens),
  cacheWriteTokens: wholeCount(input.cacheWriteTokens),
  reasoningTokens: wholeCount(input.reasoningTokens),
  ...(input.cost === undefined ? {} : { cost: boundedCost(input.cost) }),
  ...(input.status === undefined ? {} : { status: wholeCount(input.status) }),
  ...(input.error === undefined ? {} : { error: boundedName(input.error) }),
  ...(input.latencyMillis === undefined ? {} : { latencyMillis: wholeCount(input.latencyMillis) }),
  ...(input.timeToFirstTokenMillis === undefined
    ? {}
    : { timeToFirstTokenMillis: wholeCount(input.timeToFirstTokenMillis) }),
})

/**
 * Returns the kind of error of a call, or `undefined` if the call is not an error.
 *
 * **Example** (Classifying a call)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { errorKind } from "@signalbox/core/LedgerEntry"
 *
 * strictEqual(errorKind({ status: 529 }), "http_529")
 * strictEqual(errorKind({ status: 200 }), undefined)
 * ```
 */
export const errorKind = (entry: Pick<LedgerEntryInput, "error" | "status">): string | undefined => {
  if (entry.error !== undefined) return entry.error === "" ? "error" : entry.error
  return entry.status !== undefined && entry.status >= 400 ? `http_${entry.status}` : undefined
}
