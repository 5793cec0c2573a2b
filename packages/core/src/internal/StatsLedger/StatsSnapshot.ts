/** The public form of a window: totals, and usage by provider, model, key and project. */
import { Effect, Schema } from "effect"
import type { TailView } from "./SegmentTail.ts"
import type { Backlog } from "./SegmentWriter.ts"
import { type Group, UsageSum } from "./UsageSum.ts"

/** A duration that only some calls have. Quantiles are off by at most 1/64. */
export const Durations = Schema.Struct({
  /** The number of calls with this duration. */
  count: Schema.Int,
  meanMillis: Schema.optionalKey(Schema.Finite),
  p50Millis: Schema.optionalKey(Schema.Finite),
  p95Millis: Schema.optionalKey(Schema.Finite),
})
export interface Durations extends Schema.Schema.Type<typeof Durations> {}

export const Usage = Schema.Struct({
  requests: Schema.Int,
  errors: Schema.Int,
  /** Errors by kind, for at most 32 kinds. Further kinds count as `other`. */
  errorKinds: Schema.Record(Schema.String, Schema.Int),
  bytesSent: Schema.Int,
  bytesReceived: Schema.Int,
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  cacheReadTokens: Schema.Int,
  cacheWriteTokens: Schema.Int,
  /** The part of `outputTokens` that is reasoning. */
  reasoningTokens: Schema.Int,
  /** US dollars, of the entries that have a cost. */
  cost: Schema.Finite,
  requestsPerMinute: Schema.Finite,
  /** All tokens: prompt, caches and response. */
  tokensPerMinute: Schema.Finite,
  latency: Durations,
  timeToFirstToken: Durations,
})
export interface Usage extends Schema.Schema.Type<typeof Usage> {}

const ByName = Schema.Record(Schema.String, Usage)

export const StatsSnapshot = Schema.Struct({
  /** The inclusive start of the window in milliseconds since 1970, at a full ten seconds (a full minute if it is longer than an hour). */
  from: Schema.Int,
  /** The time of the snapshot. Rates are per minute between `from` and `to`. */
  to: Schema.Int,
  windowMinutes: Schema.Int,
  totals: Usage,
  /** By name. Calls without a provider have the empty name. */
  providers: ByName,
  /** By alias. */
  models: ByName,
  /** By key id. */
  keys: ByName,
  projects: ByName,
  /** The number of torn or foreign lines in the segments of the window. */
  foreignLines: Schema.Int,
  /** The number of lines of newer programs. Their calls are in none of these numbers. */
  newerLines: Schema.Int,
  /** Whether a bound was reached (2048 groups, or 32,768 in all buckets), so that some calls are under `(other)`. */
  overflowed: Schema.Boolean,
  /** Present while this process cannot write entries. */
  degraded: Schema.optionalKey(
    Schema.Struct({ reason: Schema.String, since: Schema.Int, waiting: Schema.Int, lost: Schema.Int }),
  ),
})
export interface StatsSnapshot extends Schema.Schema.Type<typeof StatsSnapshot> {}

export const makeSnapshot = (
  { foreignLines, newerLines, overflowed, window }: TailView,
  now: number,
  windowMinutes: number,
  backlog: Backlog | undefined,
): StatsSnapshot => {
  const minutes = Math.max(1, now - window.from) / 60_000
  const usages = [...window.sums.values()]
  const by = (dimension: keyof Group): Readonly<Record<string, Usage>> => {
    const sums = new Map<string, UsageSum>()
    for (const usage of usages) add(sums, usage.group[dimension], usage)
    return Object.fromEntries([...sums].map(([name, sum]) => [name, usageOf(sum, minutes)]))
  }
  const totals = new Map<string, UsageSum>()
  for (const usage of usages) add(totals, "", usage)
  return {
    from: window.from,
    to: now,
    windowMinutes,
    totals: usageOf(totals.get("") ?? new UsageSum(noGroup), minutes),
    providers: by("provider"),
    models: by("model"),
    keys: by("key"),
    projects: by("project"),
    foreignLines,
    newerLines,
    overflowed,
    ...(backlog === undefined ? {} : { degraded: backlog }),
  }
}

const noGroup: Group = { provider: "", model: "", upstream: "", key: "", project: "" }

const add = (sums: Map<string, UsageSum>, name: string, usage: UsageSum): void => {
  const sum = sums.get(name) ?? new UsageSum(noGroup)
  sum.merge(usage, 1)
  sums.set(name, sum)
}

const usageOf = (usage: UsageSum, minutes: number): Usage => {
  const { bytesReceived, bytesSent, errorKinds, errors, requests } = usage
  const { cacheReadTokens, cacheWriteTokens, inputTokens, outputTokens, reasoningTokens } = usage
  return {
    requests,
    errors,
    errorKinds,
    bytesSent,
    bytesReceived,
    inputTokens,
    outputTokens,
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens,
    cost: usage.costNanos / 1e9,
    requestsPerMinute: requests / minutes,
    tokensPerMinute: (inputTokens + outputTokens + cacheReadTokens + cacheWriteTokens) / minutes,
    latency: durationsOf(usage.latency),
    timeToFirstToken: durationsOf(usage.firstToken),
  }
}

const durationsOf = (histogram: UsageSum["latency"]): Durations => {
  const [p50Millis, p95Millis] = [histogram.quantile(0.5), histogram.quantile(0.95)]
  if (p50Millis === undefined || p95Millis === undefined) return { count: 0 }
  return { count: histogram.count, meanMillis: histogram.sumMillis / histogram.count, p50Millis, p95Millis }
}

/** The default window of snapshots. */
export const StatsSettingsSchema = Schema.Struct({
  windowMinutes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1440 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(60)),
    Schema.withConstructorDefault(Effect.succeed(60)),
  ),
}).pipe(Schema.encodeKeys({ windowMinutes: "window_minutes" }))
