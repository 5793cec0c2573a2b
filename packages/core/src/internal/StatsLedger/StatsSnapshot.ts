/** The numbers of a window as people and programs read them. */
import { Effect, Schema } from "effect"
import type { TailView } from "./SegmentTail.ts"
import type { Backlog } from "./SegmentWriter.ts"
import { type Group, UsageSum } from "./UsageSum.ts"

/** Of a duration that not every call has. Quantiles are off by at most 1/64. */
export const Durations = Schema.Struct({
  /** Calls that had it. */
  count: Schema.Int,
  meanMillis: Schema.optionalKey(Schema.Finite),
  p50Millis: Schema.optionalKey(Schema.Finite),
  p95Millis: Schema.optionalKey(Schema.Finite),
})
export interface Durations extends Schema.Schema.Type<typeof Durations> {}

export const Usage = Schema.Struct({
  requests: Schema.Int,
  errors: Schema.Int,
  /** At most 32 kinds by name, what is beyond as `other`. */
  errorKinds: Schema.Record(Schema.String, Schema.Int),
  bytesSent: Schema.Int,
  bytesReceived: Schema.Int,
  inputTokens: Schema.Int,
  outputTokens: Schema.Int,
  cacheReadTokens: Schema.Int,
  cacheWriteTokens: Schema.Int,
  /** SegmentPart of `outputTokens`. */
  reasoningTokens: Schema.Int,
  /** US dollars, as far as the entries name a cost. */
  cost: Schema.Finite,
  requestsPerMinute: Schema.Finite,
  /** Of all tokens: prompt, caches and answer. */
  tokensPerMinute: Schema.Finite,
  latency: Durations,
  timeToFirstToken: Durations,
})
export interface Usage extends Schema.Schema.Type<typeof Usage> {}

const ByName = Schema.Record(Schema.String, Usage)

export const StatsSnapshot = Schema.Struct({
  /** Milliseconds since 1970, inclusive: the window's start, at the full ten seconds (full minute where it is longer than an hour) at or before it. */
  from: Schema.Int,
  /** Now. Rates are per minute of the time between the two. */
  to: Schema.Int,
  windowMinutes: Schema.Int,
  totals: Usage,
  /** By name; calls without one are under the empty name. */
  providers: ByName,
  /** By alias. */
  models: ByName,
  /** By key id. */
  keys: ByName,
  projects: ByName,
  /** Torn or foreign lines within reach of the window. */
  foreignLines: Schema.Int,
  /** Lines of newer programs within reach, whose calls are in none of these numbers. */
  newerLines: Schema.Int,
  /** More than 2048 combinations of names, or 32,768 in all buckets together: some calls are under `(other)`. */
  overflowed: Schema.Boolean,
  /** Present while this process cannot write. */
  degraded: Schema.optionalKey(
    Schema.Struct({ reason: Schema.String, since: Schema.Int, waiting: Schema.Int, lost: Schema.Int }),
  ),
})
export interface StatsSnapshot extends Schema.Schema.Type<typeof StatsSnapshot> {}

export const describe = (
  { foreignLines, newerLines, overflowed, window }: TailView,
  now: number,
  windowMinutes: number,
  backlog: Backlog | undefined,
): StatsSnapshot => {
  const minutes = Math.max(1, now - window.from) / 60_000
  const usages = [...window.usages.values()]
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

/** How long the window of a snapshot is that names none. */
export const StatsSettingsSchema = Schema.Struct({
  windowMinutes: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1440 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(60)),
    Schema.withConstructorDefault(Effect.succeed(60)),
  ),
}).pipe(Schema.encodeKeys({ windowMinutes: "window_minutes" }))
