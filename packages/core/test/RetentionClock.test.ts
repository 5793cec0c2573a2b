import { assert, describe } from "@effect/vitest"
import { Effect } from "effect"
import { day, events, forever, pass, retentionTest, Shelf, settle, traces } from "./RetentionHost.ts"

describe("Retention and the clock", () => {
  retentionTest("sweeps once after the computer slept through several sweeps", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([55, 1])
      yield* host.retention.register(shelf.retainable("events", events))
      yield* settle
      yield* pass("10 minutes")
      host.jump(10 * day)
      yield* settle
      assert.strictEqual(shelf.requests.length, 1)
      yield* pass("50 minutes")
      assert.strictEqual(shelf.requests.length, 2)
      assert.deepStrictEqual(shelf.ages, [1])
      yield* pass("59 minutes")
      assert.strictEqual(shelf.requests.length, 2)
      assert.deepStrictEqual(host.lines, ["events 1 10"])
    }),
  )

  retentionTest(
    "deletes nothing by age while the clock is years ahead",
    { ...forever, tracesDays: 60, tracesMaxBytes: 30 },
    (host) =>
      Effect.gen(function* () {
        const shelf = new Shelf([30, 20, 10])
        yield* host.retention.register(shelf.retainable("traces", traces))
        yield* settle
        host.jump(10 * 365 * day)
        yield* pass("23 hours")
        assert.deepStrictEqual(shelf.ages, [30, 20, 10])
        assert.match(host.lines[0] ?? "", /more than a month later than expected/)
        const [result] = yield* host.retention.sweep()
        assert.isTrue(result?.ageLimitSkipped)
        // Limits that do not depend on the clock still apply.
        shelf.items = new Shelf([30, 20, 10, 5]).items
        yield* pass("1 hour")
        assert.deepStrictEqual(shelf.ages, [20, 10, 5])
        host.jump(-10 * 365 * day)
        yield* pass("100 days")
        assert.deepStrictEqual(shelf.ages, [])
      }),
  )

  retentionTest("trusts a clock that stays ahead for a day of running", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([30])
      yield* host.retention.register(shelf.retainable("events", events))
      yield* settle
      host.jump(90 * day)
      yield* pass("24 hours")
      assert.deepStrictEqual(shelf.ages, [30])
      yield* pass("1 hour")
      assert.deepStrictEqual(shelf.ages, [])
    }),
  )

  retentionTest(
    "distrusts a wrong clock at the start, by the newest item of the store",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [old, idle] = [new Shelf([90, 30]), new Shelf([61, 31])]
        host.jump(5 * day)
        yield* host.retention.register(old.retainable("events", events))
        yield* host.retention.register(idle.retainable("events", events))
        yield* settle
        assert.deepStrictEqual(
          [old.ages, idle.ages],
          [
            [90, 30],
            [61, 31],
          ],
        )
        host.jump(-4 * day)
        yield* pass("1 hour")
        assert.deepStrictEqual([old.ages, idle.ages], [[30], [61, 31]])
      }),
  )
})
