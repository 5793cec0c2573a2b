import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as LedgerRetention from "@signalbox/core/LedgerRetention"
import { Retention, RetentionPolicy } from "@signalbox/core/Retention"
import { SegmentStorage } from "@signalbox/core/SegmentStorage"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { forever, sweepAll } from "./RetentionHost.ts"

const hour = 3_600_000
const day = 24 * hour
/** The start of an hour: 2026-11-21T05:00Z. */
const base = 1_795_237_200_000
const call = { provider: "openai", model: "fast", inputTokens: 7 }

describe("LedgerRetention", () => {
  const withLedger = (body: Effect.Effect<void, unknown, StatsLedger | SegmentStorage>) =>
    Effect.andThen(
      TestClock.setTime(base),
      Effect.provide(
        body,
        StatsLedger.layer.pipe(
          Layer.provideMerge(SegmentStorage.layerMemory),
          Layer.provide(Layer.mergeAll(EventBus.layer, StatsSettings.layer({ windowMinutes: 1440 }))),
        ),
      ),
    )
  /** Records one entry in each of several hours, and compacts all but the last two. */
  const fill = Effect.fnUntraced(function* (hours: number) {
    const ledger = yield* StatsLedger
    for (let i = 0; i < hours; i++) {
      yield* ledger.record(call)
      if (i + 1 < hours) yield* TestClock.adjust(hour)
    }
    yield* ledger.compact
    return LedgerRetention.retainable(yield* SegmentStorage)
  })
  const names = Effect.map(SegmentStorage.pipe(Effect.flatMap(({ list }) => list)), ({ entries, rollUps }) => [
    ...[...rollUps].sort().map((name) => `${name.slice(11)} rolled up`),
    ...[...entries].sort().map((name) => name.slice(11)),
  ])

  it.effect("deletes old segments and roll-ups, and their calls from snapshots", () =>
    withLedger(
      Effect.gen(function* () {
        const store = yield* fill(5)
        assert.deepStrictEqual(yield* names, ["05 rolled up", "06 rolled up", "07 rolled up", "08", "09"])
        assert.strictEqual(yield* store.newest, base + 4 * hour)
        const dry = yield* sweepAll(store, { olderThan: base + 2 * hour, dryRun: true })
        assert.strictEqual((yield* names).length, 5)
        const swept = yield* sweepAll(store, { olderThan: base + 2 * hour })
        assert.deepStrictEqual(swept, dry)
        assert.strictEqual(swept.deleted, 2)
        assert.isAbove(swept.bytes, 0)
        assert.deepStrictEqual(yield* names, ["07 rolled up", "08", "09"])
        assert.strictEqual((yield* (yield* StatsLedger).snapshot()).totals.requests, 3)
        assert.deepStrictEqual(yield* sweepAll(store, { olderThan: base + 3 * hour - 1 }), { deleted: 0, bytes: 0 })
      }),
    ),
  )

  it.effect("deletes the oldest hours until the rest fits, but never an open segment", () =>
    withLedger(
      Effect.gen(function* () {
        const storage = yield* SegmentStorage
        const store = yield* fill(5)
        const sizes = yield* Effect.forEach(["2026-11-21T08", "2026-11-21T09"], storage.size)
        yield* sweepAll(store, { maxBytes: sizes[0]! + sizes[1]! })
        assert.deepStrictEqual(yield* names, ["08", "09"])
        yield* sweepAll(store, { maxBytes: sizes[0]! + sizes[1]! - 1 })
        assert.deepStrictEqual(yield* names, ["09"])
        assert.deepStrictEqual(yield* sweepAll(store, { maxBytes: 1 }), { deleted: 0, bytes: 0 })
        assert.deepStrictEqual(yield* names, ["09"])
      }),
    ),
  )

  it.effect("follows the days of the policy under Retention", () =>
    withLedger(
      Effect.gen(function* () {
        yield* fill(1)
        yield* TestClock.adjust(day + hour - 1)
        yield* (yield* StatsLedger).record(call)
        yield* Effect.gen(function* () {
          const { sweep } = yield* Retention
          assert.deepInclude((yield* sweep())[0], { store: "ledger", deleted: 0 })
          assert.deepStrictEqual(yield* names, ["05 rolled up", "05"])
          yield* TestClock.adjust(1)
          assert.deepInclude((yield* sweep())[0], { store: "ledger", deleted: 1 })
          assert.deepStrictEqual(yield* names, ["05"])
        }).pipe(
          Effect.provide(
            LedgerRetention.layer.pipe(
              Layer.provideMerge(Retention.layer),
              Layer.provide(Layer.mergeAll(RetentionPolicy.layer({ ...forever, ledgerDays: 1 }), EventBus.layer)),
            ),
          ),
        )
      }),
    ),
  )
})
