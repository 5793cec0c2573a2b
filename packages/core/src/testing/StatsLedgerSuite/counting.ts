/** Totals, rates, events and bounds of the ledger. */
import { assert } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventBus } from "../../EventBus.ts"
import { StatsRecorded } from "../../StatsEvents.ts"
import { call, type LedgerTest, minute, otherLedger, start } from "./Fixtures.ts"

export const countingTests = (test: LedgerTest) => {
  test(
    "sums the calls of all ledgers on a storage, in total and by provider, model, key and project",
    Effect.gen(function* () {
      const [a, b] = [yield* otherLedger, yield* otherLedger]
      yield* a.record(call)
      yield* b.record({ ...call, provider: "anthropic", status: 529 })
      yield* b.record({ ...call, model: "slow", key: "key_2", project: "other", error: "timeout" })
      yield* TestClock.adjust("30 minutes")
      for (const ledger of [a, b, yield* otherLedger]) {
        const { keys, models, projects, providers, totals } = yield* ledger.snapshot()
        assert.strictEqual(totals.requests, 3)
        assert.deepStrictEqual([totals.bytesSent, totals.bytesReceived], [3000, 6000])
        assert.deepStrictEqual([totals.inputTokens, totals.outputTokens, totals.reasoningTokens], [30, 60, 15])
        assert.deepStrictEqual([totals.cacheReadTokens, totals.cacheWriteTokens], [9, 12])
        assert.strictEqual(totals.cost, 0.75)
        assert.strictEqual(totals.errors, 2)
        assert.deepStrictEqual(totals.errorKinds, { http_529: 1, timeout: 1 })
        assert.deepStrictEqual(totals.latency, { count: 3, meanMillis: 40, p50Millis: 40, p95Millis: 40 })
        assert.deepStrictEqual(totals.timeToFirstToken, { count: 3, meanMillis: 7, p50Millis: 7, p95Millis: 7 })
        const counts = (usages: typeof keys) =>
          Object.fromEntries(Object.entries(usages).map(([name, usage]) => [name, usage.requests]))
        assert.deepStrictEqual(counts(providers), { openai: 2, anthropic: 1 })
        assert.deepStrictEqual(counts(models), { fast: 2, slow: 1 })
        assert.deepStrictEqual(counts(keys), { key_1: 2, key_2: 1 })
        assert.deepStrictEqual(counts(projects), { signalbox: 2, other: 1 })
      }
    }),
  )
  test(
    "computes rates per minute of the window",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* TestClock.adjust("5 seconds")
      for (let i = 0; i < 61; i++) yield* ledger.record(call)
      const { from, to, totals } = yield* ledger.snapshot({ window: "10 minutes" })
      assert.deepStrictEqual([from, to], [start - 10 * minute, start + 5000])
      assert.approximately(totals.requestsPerMinute, 61 / (10 + 5 / 60), 1e-9)
      assert.approximately(totals.tokensPerMinute, (61 * 37) / (10 + 5 / 60), 1e-9)
    }),
  )
  test(
    "returns zeros in a snapshot without entries",
    Effect.gen(function* () {
      const { providers, totals } = yield* (yield* otherLedger).snapshot()
      assert.deepStrictEqual(providers, {})
      assert.deepStrictEqual([totals.requests, totals.requestsPerMinute, totals.cost], [0, 0, 0])
      assert.deepStrictEqual(totals.latency, { count: 0 })
    }),
  )
  test(
    "publishes each corrected entry to subscribers, and nothing without a subscriber",
    Effect.gen(function* () {
      const [bus, ledger] = [yield* EventBus, yield* otherLedger]
      yield* ledger.record(call)
      yield* Effect.yieldNow
      const before = yield* bus.cursor
      const events = yield* bus.subscribe({ types: [StatsRecorded] })
      const taken = yield* events.pipe(Stream.take(300), Stream.runCollect, Effect.forkScoped)
      for (let i = 0; i < 300; i++)
        yield* ledger.record({ ...call, inputTokens: i, bytesSent: -1, model: "m".repeat(500) })
      const all = yield* Fiber.join(taken)
      assert.deepStrictEqual(
        all.map((event) => (event._tag === "Gap" ? "gap" : event.event.entry.inputTokens)),
        Array.from({ length: 300 }, (_, i) => i),
      )
      const [first] = all
      assert.isTrue(first?._tag === "Envelope" && first.event.entry.model.length === 256)
      assert.isTrue(first?._tag === "Envelope" && first.event.entry.bytesSent === 0)
      assert.strictEqual(before.n, undefined)
    }),
  )
}

export const boundTests = (test: LedgerTest) => {
  test(
    "sums calls beyond 2048 combinations of names under (other) until there is room again",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      for (let i = 0; i < 3000; i++) yield* ledger.record({ ...call, model: `model-${i}` })
      const full = yield* ledger.snapshot()
      assert.deepStrictEqual([full.totals.requests, full.overflowed], [3000, true])
      assert.strictEqual(full.models["(other)"]?.requests, 952)
      assert.strictEqual(full.models["model-2047"]?.requests, 1)
      yield* TestClock.adjust("61 minutes")
      yield* ledger.record({ ...call, model: "model-2999" })
      const { models, overflowed, totals } = yield* ledger.snapshot()
      assert.deepStrictEqual([totals.requests, Object.keys(models), overflowed], [1, ["model-2999"], false])
    }),
  )
}
