/** Shared parts of the suite: the start time, a call to record, and a ledger for each process. */
import { Context, type Duration, Effect, Layer, type Scope } from "effect"
import type { EventBus } from "../../EventBus.ts"
import type { LedgerEntryInput } from "../../LedgerEntry.ts"
import type { SegmentStorage } from "../../SegmentStorage.ts"
import { StatsLedger, type StatsSettings } from "../../StatsLedger.ts"

/** Declares a test with an empty storage. */
export type LedgerTest = (
  title: string,
  body: Effect.Effect<void, unknown, SegmentStorage | EventBus | StatsSettings | Scope.Scope>,
) => void

export const minute = 60_000
export const hour = 60 * minute
/** The start of an hour: 2026-11-21T05:00Z. */
export const start = 1_795_237_200_000

/** Builds another ledger on the same storage, as another process would. */
export const otherLedger = Effect.map(Layer.build(Layer.fresh(StatsLedger.layer)), Context.get(StatsLedger))

export const day = { window: "24 hours" } as const

export const total = Effect.fnUntraced(function* (ledger: StatsLedger["Service"], window?: Duration.Input) {
  return (yield* ledger.snapshot(window === undefined ? {} : { window })).totals.requests
})

export const call: LedgerEntryInput = {
  provider: "openai",
  model: "fast",
  upstream: "gpt-4.1",
  key: "key_1",
  project: "signalbox",
  bytesSent: 1000,
  bytesReceived: 2000,
  inputTokens: 10,
  outputTokens: 20,
  cacheReadTokens: 3,
  cacheWriteTokens: 4,
  reasoningTokens: 5,
  cost: 0.25,
  latencyMillis: 40,
  timeToFirstTokenMillis: 7,
}
