/** What the parts of the suite share: a moment to begin at, a call to record, a ledger of its own for each process. */
import { Context, type Duration, Effect, Layer } from "effect"
import type { LedgerEntryInput } from "../../LedgerEntry.ts"
import { StatsLedger } from "../../StatsLedger.ts"

export const minute = 60_000
export const hour = 60 * minute
/** A full hour. */
export const start = 1_795_237_200_000

/** A ledger of its own, as another process has. */
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
