/** Windows of snapshots and the clock. */
import { assert, it } from "@effect/vitest"
import { Context, Effect, Layer, Ref } from "effect"
import { TestClock } from "effect/testing"
import { EventBus } from "../../EventBus.ts"
import { StatsLedger, StatsSettings } from "../../StatsLedger.ts"
import { call, hour, type LedgerTest, minute, otherLedger, start, total } from "./Fixtures.ts"

export const windowTests = (test: LedgerTest) => {
  test(
    "keeps a call that is as old as the window until the next full ten seconds",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* ledger.record(call)
      yield* TestClock.adjust("60 minutes")
      assert.strictEqual(yield* total(ledger), 1)
      yield* TestClock.adjust(9999)
      assert.strictEqual(yield* total(ledger), 1)
      assert.strictEqual(yield* total(ledger, "1 minute"), 0)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* total(ledger), 0)
      assert.strictEqual(yield* total(ledger, "61 minutes"), 1)
      assert.strictEqual(yield* total(yield* otherLedger), 0)
    }),
  )
  test(
    "starts a window of more than an hour at a full minute",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* ledger.record(call)
      yield* TestClock.adjust("2 hours")
      yield* TestClock.adjust(minute - 1)
      assert.strictEqual(yield* total(ledger, "2 hours"), 1)
      yield* TestClock.adjust(1)
      assert.strictEqual(yield* total(ledger, "2 hours"), 0)
      assert.strictEqual(yield* total(ledger, "1 day"), 1)
      yield* TestClock.adjust("1 day")
      assert.strictEqual(yield* total(ledger, "2 days"), 0)
    }),
  )
  test(
    "rounds a window to whole minutes, from one minute to one day",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      for (const [window, minutes] of [
        ["1 second", 1],
        ["61 seconds", 2],
        ["30 days", 1440],
      ] as const) {
        assert.strictEqual((yield* ledger.snapshot({ window })).windowMinutes, minutes)
      }
    }),
  )
  test(
    "loses no call, and counts no future call, after a clock that was ahead comes back",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* ledger.record(call)
      assert.deepStrictEqual([yield* total(ledger), yield* total(ledger, "1 day")], [1, 1])
      yield* TestClock.setTime(start + 48 * hour)
      yield* ledger.record(call)
      assert.deepStrictEqual([yield* total(ledger), yield* total(ledger, "1 day")], [1, 1])
      yield* TestClock.setTime(start + minute)
      yield* ledger.record(call)
      for (const reader of [ledger, yield* otherLedger]) {
        assert.deepStrictEqual([yield* total(reader), yield* total(reader, "1 day")], [2, 2])
      }
    }),
  )
  it.effect("applies a changed default window to the next snapshot", () =>
    Effect.gen(function* () {
      const window = yield* Ref.make(60)
      const setting = Layer.effect(
        StatsSettings,
        Effect.map(Layer.build(StatsSettings.layer({ windowMinutes: 60 })), (context) => ({
          ...Context.get(context, StatsSettings),
          get: Effect.map(Ref.get(window), (windowMinutes) => ({ windowMinutes })),
        })),
      )
      yield* Effect.gen(function* () {
        const ledger = yield* StatsLedger
        yield* ledger.record(call)
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(yield* total(ledger), 1)
        yield* Ref.set(window, 5)
        assert.strictEqual((yield* ledger.snapshot()).windowMinutes, 5)
        assert.strictEqual(yield* total(ledger), 0)
        yield* Ref.set(window, 1440)
        assert.strictEqual(yield* total(ledger), 1)
      }).pipe(Effect.provide(Layer.provide(StatsLedger.layerMemory, [EventBus.layer, setting])))
    }),
  )
}
