/** What the calls of this process add up to since it counts: only ever more, as Prometheus wants it. */

import { errorKind } from "@signalbox/core/LedgerEntry"
import type { LedgerEntry } from "@signalbox/core/StatsLedger"
import { type Context, Metric } from "effect"
import { Series } from "./Series.ts"

/** At most so many models by name, providers with their durations, and kinds of error by provider. */
const maxModels = 200
const maxProviders = 50
const maxErrors = 200

/** Seconds: from an echo to a model that thinks for minutes. */
const boundaries = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]

export interface Calls {
  readonly count: (entry: LedgerEntry) => void
  /** So many calls went by uncounted. */
  readonly missed: (count: number) => void
}

type Labels = Readonly<Record<string, string>>

const counter = (id: string, description: string) => (attributes: Labels) =>
  Metric.counter(id, { description, attributes, incremental: true })
const histogram = (id: string, description: string) => (attributes: Labels) =>
  Metric.histogram(id, { description, attributes, boundaries })

const calls = counter("signalbox_calls_total", "Calls of models that have ended, failed ones included.")
const failures = counter("signalbox_call_errors_total", "Calls that have failed, by kind of error.")
const tokens = counter("signalbox_tokens_total", "Tokens of prompts, caches and answers.")
const bytes = counter("signalbox_call_bytes_total", "Bytes to and from providers.")
const dollars = counter("signalbox_cost_dollars_total", "US dollars, as far as calls name a cost.")
const durations = histogram("signalbox_call_duration_seconds", "From a request to the end of its answer.")
const firstTokens = histogram("signalbox_first_token_seconds", "From a request to the first part of its answer.")
const uncounted = counter(
  "signalbox_calls_uncounted_total",
  "Calls that these numbers miss, because they came faster than they could be counted; the ledger has them.",
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
