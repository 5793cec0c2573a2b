/** Counts the calls of this process. Counters never decrease, as Prometheus requires. */

import { errorKind } from "@signalbox/core/LedgerEntry"
import type { LedgerEntry } from "@signalbox/core/StatsLedger"
import { type Context, Metric } from "effect"
import { Series } from "./Series.ts"

/** Bounds: models by name, providers with durations, and kinds of error by provider. */
const maxModels = 200
const maxProviders = 50
const maxErrors = 200

/** Seconds: from an echo to a reasoning model that takes minutes. */
const boundaries = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

export interface Calls {
  readonly count: (entry: LedgerEntry) => void
  /** Adds calls that the subscription lost. */
  readonly missed: (count: number) => void
}

type Labels = Readonly<Record<string, string>>

const counter = (id: string, description: string) => (attributes: Labels) =>
  Metric.counter(id, { description, attributes, incremental: true })
const histogram = (id: string, description: string) => (attributes: Labels) =>
  Metric.histogram(id, { description, attributes, boundaries })

const calls = counter("signalbox_calls_total", "Calls that have ended, including failed ones.")
const failures = counter("signalbox_call_errors_total", "Failed calls by kind of error.")
const tokens = counter("signalbox_tokens_total", "Tokens of prompts, caches and responses.")
const bytes = counter("signalbox_call_bytes_total", "Bytes to and from providers.")
const dollars = counter("signalbox_cost_dollars_total", "Cost in US dollars of calls with a known cost.")
const durations = histogram("signalbox_call_duration_seconds", "From the request to the end of the response.")
const firstTokens = histogram("signalbox_first_token_seconds", "From the request to the first chunk of the response.")
const uncounted = counter(
  "signalbox_calls_uncounted_total",
  "Calls that these metrics missed because they arrived too fast. The ledger has them.",
)({})

export const makeCalls = (registry: Context.Context<never>): Calls => {
  const models = new Series<"provider" | "model", ModelSeries>(maxModels, seriesOf)
  const providers = new Series<"provider", ReturnType<typeof timesOf>>(maxProviders, timesOf)
  const errors = new Series<"provider" | "kind", ReturnType<typeof failures>>(maxErrors, failures)
  const add = (metric: Metric.Counter<number>, by: number): void => {
    if (by > 0) metric.updateUnsafe(by, registry)
  }
  return {
    count: (entry) => {
      const { model, provider } = entry
      const series = models.of({ provider, model })
      add(series.calls, 1)
      add(series.input, entry.inputTokens)
      add(series.output, entry.outputTokens)
      add(series.cacheRead, entry.cacheReadTokens)
      add(series.cacheWrite, entry.cacheWriteTokens)
      add(series.sent, entry.bytesSent)
      add(series.received, entry.bytesReceived)
      add(series.dollars, entry.cost ?? 0)
      const kind = errorKind(entry)
      if (kind !== undefined) add(errors.of({ provider, kind }), 1)
      const { latencyMillis, timeToFirstTokenMillis } = entry
      const times = providers.of({ provider })
      if (latencyMillis !== undefined) times.duration.updateUnsafe(latencyMillis / 1000, registry)
      if (timeToFirstTokenMillis !== undefined) times.first.updateUnsafe(timeToFirstTokenMillis / 1000, registry)
    },
    missed: (count) => add(uncounted, count),
  }
}

const seriesOf = (labels: Labels) => ({
  calls: calls(labels),
  input: tokens({ ...labels, kind: "input" }),
  output: tokens({ ...labels, kind: "output" }),
  cacheRead: tokens({ ...labels, kind: "cache_read" }),
  cacheWrite: tokens({ ...labels, kind: "cache_write" }),
  sent: bytes({ ...labels, direction: "sent" }),
  received: bytes({ ...labels, direction: "received" }),
  dollars: dollars(labels),
})
type ModelSeries = ReturnType<typeof seriesOf>

const timesOf = (labels: Labels) => ({ duration: durations(labels), first: firstTokens(labels) })
