/** Series: the calls of a window by time and model. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { call, hour, type LedgerTest, minute, otherLedger, start } from "./Fixtures.ts"

export const seriesTests = (test: LedgerTest): void => {
  test(
    "returns one row for each model in each ten seconds with calls, for all keys together",
    Effect.gen(function* () {
      const [a, b] = [yield* otherLedger, yield* otherLedger]
      yield* a.record(call)
      yield* b.record({ ...call, key: "key_2", project: "other", status: 500 })
      yield* TestClock.adjust("25 seconds")
      yield* b.record({ ...call, model: "slow" })
      const { rows, ...about } = yield* a.series()
      assert.deepStrictEqual(about, {
        from: start - hour + 20_000,
        to: start + 25_000,
        windowMinutes: 60,
        bucketMillis: 10_000,
      })
      const row = { provider: "openai", requests: 1, errors: 0, bytesSent: 1000, bytesReceived: 2000 }
      assert.sameDeepMembers(
        [...rows],
        [
          { ...row, at: start, model: "fast", requests: 2, errors: 1, bytesSent: 2000, bytesReceived: 4000 },
          { ...row, at: start + 20_000, model: "slow" },
        ],
      )
    }),
  )
  test(
    "returns rows that add up to the snapshot of the same window, also after compaction",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      for (let i = 0; i < 12; i++) {
        yield* TestClock.adjust(7 * minute + 1_234)
        yield* ledger.record({ ...call, model: `model-${i % 3}`, provider: `provider-${i % 2}` })
        for (const window of ["1 minute", "20 minutes", "60 minutes", "61 minutes", "24 hours"] as const) {
          const [{ from, to, totals }, found] = [yield* ledger.snapshot({ window }), yield* ledger.series({ window })]
          assert.deepStrictEqual([found.from, found.to], [from, to])
          const sum = (of: "requests" | "bytesSent") => found.rows.reduce((sum, row) => sum + row[of], 0)
          assert.deepStrictEqual([sum("requests"), sum("bytesSent")], [totals.requests, totals.bytesSent])
          assert.isTrue(found.rows.every(({ at }) => at >= from && at % found.bucketMillis === 0))
        }
      }
      yield* TestClock.adjust("3 hours")
      yield* ledger.compact
      assert.strictEqual((yield* ledger.series({ window: "24 hours" })).rows.length, 12)
    }),
  )
}
