import { assert, describe, it } from "@effect/vitest"
import { type Policy, RetentionPolicy, type StoreLimits } from "@signalbox/core/Retention"
import { Effect, Exit, Schema, Scope } from "effect"
import { events, forever, pass, retentionTest, Shelf, settle, traces } from "./RetentionHost.ts"

describe("RetentionPolicy", () => {
  it("decodes a copilot-api policy, with defaults for missing keys", () => {
    const defaults = Schema.decodeSync(RetentionPolicy.schema)({})
    const policy = Schema.decodeSync(RetentionPolicy.schema)({
      events_days: 7,
      traces_days: 0,
      traces_max_bytes: 5,
    })
    assert.deepStrictEqual(policy, { ...defaults, eventsDays: 7, tracesDays: 0, tracesMaxBytes: 5 })
    assert.deepStrictEqual([defaults.eventsDays, defaults.tracesDays, defaults.tracesMaxBytes], [60, 60, 104_857_600])
    assert.strictEqual(Schema.decodeOption(RetentionPolicy.schema)({ events_days: -1 })._tag, "None")
    assert.strictEqual(Schema.decodeOption(RetentionPolicy.schema)({ ledger_days: 1.5 })._tag, "None")
  })
})

describe("Retention", () => {
  retentionTest(
    "sweeps a store by its own limits when it is registered, and publishes the sweep",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [a, b] = [new Shelf([90, 61, 60, 1, 0]), new Shelf([90, 1])]
        yield* host.retention.register(a.retainable("events", events))
        yield* host.retention.register(b.retainable("traces", traces))
        yield* settle
        assert.deepStrictEqual(a.ages, [60, 1, 0])
        assert.deepStrictEqual(b.ages, [90, 1])
        // The other store has no limits, so its sweep is not called.
        assert.deepStrictEqual(b.requests, [])
        assert.deepStrictEqual(host.lines, ["events 2 20"])
      }),
  )

  retentionTest(
    "sweeps a store each hour, and publishes only sweeps that deleted something",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const shelf = new Shelf([59, 1])
        yield* host.retention.register(shelf.retainable("events", events))
        yield* settle
        assert.strictEqual(shelf.requests.length, 1)
        yield* pass(3_599_999)
        assert.strictEqual(shelf.requests.length, 1)
        yield* pass(1)
        assert.strictEqual(shelf.requests.length, 2)
        yield* pass("23 hours")
        assert.strictEqual(shelf.requests.length, 25)
        assert.deepStrictEqual(shelf.ages, [59, 1])
        yield* pass("1 hour")
        assert.deepStrictEqual(shelf.ages, [1])
        assert.deepStrictEqual(host.lines, ["events 1 10"])
      }),
  )

  retentionTest("sweeps at once the stores whose limits change, and restarts their hour", forever, (host) =>
    Effect.gen(function* () {
      const [a, b] = [new Shelf([90, 61, 1]), new Shelf([90, 1])]
      yield* host.retention.register(a.retainable("events", events))
      yield* host.retention.register(b.retainable("traces", ({ tracesMaxBytes }) => ({ maxBytes: tracesMaxBytes })))
      yield* host.setPolicy({ ...forever, tracesMaxBytes: 1000 })
      assert.deepStrictEqual([a.requests.length, b.requests.length], [0, 1])
      yield* pass("30 minutes")
      yield* host.setPolicy({ ...forever, tracesMaxBytes: 1000, eventsDays: 60 })
      assert.deepStrictEqual([a.ages, b.ages], [[1], [90, 1]])
      assert.deepStrictEqual([a.requests.length, b.requests.length], [1, 1])
      yield* host.setPolicy({ ...forever, tracesMaxBytes: 10, eventsDays: 60 })
      assert.deepStrictEqual(b.ages, [1])
      yield* pass("59 minutes")
      assert.deepStrictEqual([a.requests.length, b.requests.length], [1, 2])
      yield* pass("1 minute")
      assert.deepStrictEqual([a.requests.length, b.requests.length], [2, 3])
      assert.deepStrictEqual(host.lines, ["changed 0", "changed 60", "events 2 20", "changed 60", "traces 1 10"])
    }),
  )

  retentionTest(
    "stops a running sweep when a newer policy keeps more, and publishes what was deleted",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const shelf = new Shelf([93, 92, 91, 0])
        shelf.gate.closeUnsafe()
        yield* host.retention.register(shelf.retainable("events", events))
        yield* settle
        yield* shelf.gate.release
        yield* settle
        assert.deepStrictEqual(shelf.ages, [92, 91, 0])
        yield* host.setPolicy({ ...forever, eventsDays: 365 })
        shelf.gate.openUnsafe()
        yield* pass("2 hours")
        assert.deepStrictEqual(shelf.ages, [92, 91, 0])
        assert.include(host.lines, "events 1 10")
      }),
  )

  retentionTest("reports in a dry run what a sweep would delete, and deletes nothing", forever, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([90, 61, 1])
      yield* host.retention.register(shelf.retainable("shelf", () => ({ days: 0, maxBytes: 20 })))
      shelf.items = new Shelf([92, 91, 90, 61]).items
      const results = yield* host.retention.sweep({ dryRun: true })
      assert.deepStrictEqual(results, [
        { store: "shelf", deleted: 2, bytes: 20, durationMillis: 0, dryRun: true, ageLimitSkipped: false },
      ])
      assert.strictEqual(shelf.items.length, 4)
      yield* settle
      assert.include(host.lines, "shelf 2 20 dry")
      yield* host.retention.sweep()
      assert.deepStrictEqual(shelf.ages, [90, 61])
    }),
  )

  retentionTest(
    "logs a failed sweep, sweeps the other stores, and retries in an hour",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [a, b] = [new Shelf([90, 1]), new Shelf([90, 1])]
        a.failing = true
        yield* host.retention.register(a.retainable("a", events))
        yield* host.retention.register(b.retainable("b", events))
        yield* settle
        assert.deepStrictEqual([a.ages, b.ages], [[90, 1], [1]])
        assert.include(host.lines, "The sweep of a failed: the shelf has fallen over")
        const [result] = yield* host.retention.sweep()
        assert.strictEqual(result?.failed, "the shelf has fallen over")
        a.failing = false
        yield* pass("1 hour")
        assert.deepStrictEqual(a.ages, [1])
      }),
  )

  retentionTest(
    "treats a defect of a store or of its limits as a failure, and retries in an hour",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [a, b] = [new Shelf([90, 1]), new Shelf([90, 1])]
        a.dying = true
        let isBroken = true
        const limits = (policy: Policy): StoreLimits => {
          if (isBroken) throw new Error("no limits")
          return events(policy)
        }
        yield* host.retention.register(a.retainable("a", events))
        yield* host.retention.register(b.retainable("b", limits))
        yield* settle
        assert.deepStrictEqual(
          host.lines.map((line) => line.split(",")[0]),
          ["The sweep of a failed: the shelf is gone", "The sweep of b failed: no limits"],
        )
        const results = yield* host.retention.sweep()
        assert.deepStrictEqual(
          results.map(({ failed }) => failed),
          ["the shelf is gone", "no limits"],
        )
        a.dying = false
        isBroken = false
        yield* pass("1 hour")
        assert.deepStrictEqual([a.ages, b.ages], [[1], [1]])
      }),
  )

  retentionTest("stops sweeping a store when its Scope closes", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([1])
      const scope = yield* Scope.make()
      yield* Scope.provide(host.retention.register(shelf.retainable("events", events)), scope)
      yield* pass("2 hours")
      assert.strictEqual(shelf.requests.length, 3)
      yield* Scope.close(scope, Exit.void)
      yield* pass("2 hours")
      assert.strictEqual(shelf.requests.length, 3)
      assert.deepStrictEqual(yield* host.retention.sweep(), [])
    }),
  )

  retentionTest("sweeps one store at a time", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const [a, b] = [new Shelf([90, 80, 0]), new Shelf([90, 0])]
      a.gate.closeUnsafe()
      yield* host.retention.register(a.retainable("a", events))
      yield* host.retention.register(b.retainable("b", events))
      yield* pass("1 minute")
      assert.deepStrictEqual(b.ages, [90, 0])
      a.gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual([a.ages, b.ages], [[0], [0]])
    }),
  )
})
