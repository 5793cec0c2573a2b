import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { EventBus } from "@signalbox/core/EventBus"
import * as HistoryRetention from "@signalbox/core/HistoryRetention"
import * as LedgerRetention from "@signalbox/core/LedgerRetention"
import { type Policy, type Retainable, Retention, RetentionPolicy, type SweepRequest } from "@signalbox/core/Retention"
import { SegmentStorage } from "@signalbox/core/SegmentStorage"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Effect, Layer, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"

const hour = 3_600_000
const day = 24 * hour
/** The start of an hour: 2026-11-21T05:00Z. */
const base = 1_795_237_200_000
const call = { provider: "openai", model: "fast", inputTokens: 7 }

const defaults: Policy = Schema.decodeSync(RetentionPolicy.schema)({})

describe("RetentionPolicy", () => {
  it("decodes a copilot-api policy, with defaults for missing keys", () => {
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

const sweep = (store: Retainable, request: Partial<SweepRequest>) =>
  Stream.runFold(
    store.sweep({ dryRun: false, ...request }),
    () => ({ deleted: 0, bytes: 0 }),
    (sum, { bytes, deleted }) => ({ deleted: sum.deleted + deleted, bytes: sum.bytes + bytes }),
  )

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
        const dry = yield* sweep(store, { olderThan: base + 2 * hour, dryRun: true })
        assert.strictEqual((yield* names).length, 5)
        const swept = yield* sweep(store, { olderThan: base + 2 * hour })
        assert.deepStrictEqual(swept, dry)
        assert.strictEqual(swept.deleted, 2)
        assert.isAbove(swept.bytes, 0)
        assert.deepStrictEqual(yield* names, ["07 rolled up", "08", "09"])
        assert.strictEqual((yield* (yield* StatsLedger).snapshot()).totals.requests, 3)
        assert.deepStrictEqual(yield* sweep(store, { olderThan: base + 3 * hour - 1 }), { deleted: 0, bytes: 0 })
      }),
    ),
  )

  it.effect("deletes the oldest hours until the rest fits, but never an open segment", () =>
    withLedger(
      Effect.gen(function* () {
        const storage = yield* SegmentStorage
        const store = yield* fill(5)
        const sizes = yield* Effect.forEach(["2026-11-21T08", "2026-11-21T09"], storage.size)
        yield* sweep(store, { maxBytes: sizes[0]! + sizes[1]! })
        assert.deepStrictEqual(yield* names, ["08", "09"])
        yield* sweep(store, { maxBytes: sizes[0]! + sizes[1]! - 1 })
        assert.deepStrictEqual(yield* names, ["09"])
        assert.deepStrictEqual(yield* sweep(store, { maxBytes: 1 }), { deleted: 0, bytes: 0 })
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
              Layer.provide(Layer.mergeAll(RetentionPolicy.layer({ ...defaults, ledgerDays: 1 }), EventBus.layer)),
            ),
          ),
        )
      }),
    ),
  )
})

describe("HistoryRetention", () => {
  const withHistory = (
    texts: ReadonlyArray<string>,
    body: (
      store: Retainable,
      left: Effect.Effect<string, unknown>,
      keep: (text: string) => Effect.Effect<void, unknown>,
    ) => Effect.Effect<void, unknown>,
  ) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(base)
      const source = yield* ConfigSource
      const { hash, history } = source
      const keep = (text: string) => Effect.flatMap(hash(text), (hash) => history.keep(text, hash))
      for (const text of texts) {
        yield* keep(text)
        yield* TestClock.adjust(day)
      }
      const left = Effect.map(
        Effect.flatMap(history.list, (entries) =>
          Effect.forEach(entries.toReversed(), (entry) => history.read(entry.hash)),
        ),
        (all) => all.map((stored) => stored?.text).join(""),
      )
      yield* body(HistoryRetention.retainable(source), left, keep)
    }).pipe(Effect.provide(ConfigSource.layerMemory))

  it.effect("deletes the oldest documents by age and by number", () =>
    withHistory(["a", "b", "c", "d"], (store, left) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* left, "abcd")
        assert.strictEqual(yield* store.newest, base + 3 * day)
        assert.deepStrictEqual(yield* sweep(store, { olderThan: base + day }), { deleted: 1, bytes: 1 })
        assert.strictEqual(yield* left, "bcd")
        assert.deepStrictEqual(yield* sweep(store, { maxEntries: 2, dryRun: true }), { deleted: 1, bytes: 1 })
        assert.strictEqual(yield* left, "bcd")
        yield* sweep(store, { maxEntries: 2 })
        assert.strictEqual(yield* left, "cd")
      }),
    ),
  )

  it.effect("keeps the newest document at any age, and a document that came into force again", () =>
    withHistory(["a", "b", "a", "c"], (store, left) =>
      Effect.gen(function* () {
        yield* sweep(store, { maxEntries: 2 })
        assert.strictEqual(yield* left, "aac")
        yield* sweep(store, { olderThan: base + 100 * day, maxEntries: 1 })
        assert.strictEqual(yield* left, "c")
      }),
    ),
  )

  it.effect("keeps a document that comes into force again during the sweep", () =>
    withHistory(["a", "b", "c", "d"], (store, left, keep) =>
      Effect.gen(function* () {
        const swept = yield* store.sweep({ maxEntries: 1, dryRun: false }).pipe(
          Stream.tap(() => Effect.orDie(keep("b"))),
          Stream.runFold(
            () => 0,
            (sum, { deleted }) => sum + deleted,
          ),
        )
        assert.strictEqual(yield* left, "bdb")
        assert.strictEqual(swept, 2)
      }),
    ),
  )
})
