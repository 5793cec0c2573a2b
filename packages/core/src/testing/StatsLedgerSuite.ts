/**
 * What the ledger promises on every `SegmentStorage`. Run it with `statsLedgerSuite(name, layer)`; each test builds the storage anew and
 * expects it empty. Several ledgers on one storage stand for several processes.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Fiber, Layer, Option, Ref, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventBus } from "../EventBus.ts"
import { SegmentStorage } from "../SegmentStorage.ts"
import { StatsCompacted, StatsRecorded } from "../StatsEvents.ts"
import { StatsLedger, StatsSettings } from "../StatsLedger.ts"
import { call, day, hour, minute, otherLedger, start, total } from "./StatsLedgerSuite/Fixtures.ts"
import { generated } from "./StatsLedgerSuite/Generated.ts"
import { series } from "./StatsLedgerSuite/Series.ts"

export const statsLedgerSuite = <E>(name: string, storage: Layer.Layer<SegmentStorage, E>): void => {
  describe(name, () => {
    const test: Test = (title, body) =>
      it.effect(title, () =>
        // The ledgers go before the storage that they work on.
        Effect.andThen(TestClock.setTime(start), Effect.scoped(body)).pipe(
          Effect.provide(Layer.mergeAll(storage, EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
        ),
      )
    counting(test)
    bounds(test)
    windows(test)
    series(test)
    segments(test)
    compaction(test)
    foreignLines(test)
    generated(storage)
  })
}

type Needs = SegmentStorage | EventBus | StatsSettings
type Test = (title: string, body: Effect.Effect<void, unknown, Needs | Scope.Scope>) => void

const counting = (test: Test) => {
  test(
    "What any of several ledgers recorded is in everyone's totals, and by provider, model, key and project.",
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
    "Rates are per minute of the window's own length.",
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
    "A snapshot without entries is all zeros.",
    Effect.gen(function* () {
      const { providers, totals } = yield* (yield* otherLedger).snapshot()
      assert.deepStrictEqual(providers, {})
      assert.deepStrictEqual([totals.requests, totals.requestsPerMinute, totals.cost], [0, 0, 0])
      assert.deepStrictEqual(totals.latency, { count: 0 })
    }),
  )
  test(
    "What listens gets each entry as an event, bounded and put right; without a listener nothing is published.",
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

const bounds = (test: Test) => {
  test(
    "Beyond 2048 combinations of names calls are summed as others, and as themselves again when there is room.",
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

const windows = (test: Test) => {
  test(
    "A window holds what is as old as it is long, and loses it at the next full ten seconds.",
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
    "A window of more than an hour begins at a full minute.",
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
    "A window is at least a minute and at most a day long, in whole minutes.",
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
    "A clock that was ahead for a while and comes back takes nothing out of any window, and brings nothing from the future in.",
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
  it.effect("A snapshot that names no window follows the setting at once.", () =>
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

const segments = (test: Test) => {
  test(
    "Each hour has a segment of its own, which starts with the first entry recorded in it.",
    Effect.gen(function* () {
      const [storage, ledger] = [yield* SegmentStorage, yield* otherLedger]
      assert.strictEqual((yield* storage.list).entries.size, 0)
      yield* ledger.record(call)
      yield* TestClock.adjust(hour - 1)
      yield* ledger.record(call)
      assert.deepStrictEqual([...(yield* storage.list).entries], ["2026-11-21T05"])
      yield* TestClock.adjust(1)
      yield* ledger.record({ ...call, time: start })
      assert.deepStrictEqual([...(yield* storage.list).entries].sort(), ["2026-11-21T05", "2026-11-21T06"])
      assert.strictEqual(yield* total(ledger), 3)
    }),
  )
  test(
    "An entry from the future is taken for one from now, and one that says nothing too.",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* ledger.record({ time: start + hour })
      yield* ledger.record({})
      yield* ledger.record({ time: Number.NaN, inputTokens: Number.NaN, outputTokens: -5, bytesSent: 1.4 })
      const { providers, totals } = yield* ledger.snapshot()
      assert.deepStrictEqual([totals.requests, totals.inputTokens, totals.outputTokens, totals.bytesSent], [3, 0, 0, 1])
      assert.deepStrictEqual(Object.keys(providers), [""])
      yield* TestClock.adjust("61 minutes")
      assert.strictEqual(yield* total(ledger), 0)
    }),
  )
  test(
    "A name of a million letters takes the room of a bounded one, and no name breaks a line.",
    Effect.gen(function* () {
      const [storage, ledger] = [yield* SegmentStorage, yield* otherLedger]
      yield* ledger.record({ ...call, model: "é".repeat(1_000_000) })
      assert.isBelow(yield* storage.size("2026-11-21T05"), 4096)
      const names = ['a"b', "a\nb", '{"v":1,', "\u2028", "💩", "__proto__", "constructor"]
      for (const model of names) yield* ledger.record({ ...call, model })
      const { foreignLines, models } = yield* ledger.snapshot()
      assert.strictEqual(foreignLines, 0)
      assert.deepStrictEqual(Object.keys(models).sort(), [`${"é".repeat(255)}…`, ...names].sort())
    }),
  )
}

const compaction = (test: Test) => {
  test(
    "Compaction folds the segments whose hour has been over for an hour, and says how much it folded.",
    Effect.gen(function* () {
      const [bus, storage, ledger] = [yield* EventBus, yield* SegmentStorage, yield* otherLedger]
      const events = yield* bus.subscribe({ types: [StatsCompacted] })
      yield* ledger.record(call)
      yield* ledger.record(call)
      yield* TestClock.adjust(hour)
      yield* ledger.record(call)
      yield* TestClock.adjust(hour - 1)
      assert.deepStrictEqual(yield* ledger.compact, { segments: 0, entries: 0 })
      yield* TestClock.adjust(1)
      assert.deepStrictEqual(yield* ledger.compact, { segments: 1, entries: 2 })
      assert.deepStrictEqual(yield* ledger.compact, { segments: 0, entries: 0 })
      const listing = yield* storage.list
      assert.deepStrictEqual([[...listing.entries], [...listing.rollUps]], [["2026-11-21T06"], ["2026-11-21T05"]])
      const event = yield* Stream.runHead(events)
      assert.isTrue(event._tag === "Some" && event.value._tag === "Envelope" && event.value.event.entries === 2)
    }),
  )
  test(
    "It runs by itself after each hour, and lets go of a segment in which nothing more is recorded.",
    Effect.gen(function* () {
      const [storage, ledger] = [yield* SegmentStorage, yield* otherLedger]
      yield* ledger.record(call)
      yield* TestClock.adjust(2 * hour)
      assert.strictEqual((yield* storage.list).rollUps.size, 0)
      yield* TestClock.adjust(minute)
      // The fold of a real directory waits for the disk, not for the clock: asking again waits for its turn.
      yield* ledger.compact
      assert.deepStrictEqual([...(yield* storage.list).rollUps], ["2026-11-21T05"])
      assert.strictEqual(yield* total(ledger, "3 hours"), 1)
    }),
  )
  test(
    "A segment that another ledger still holds is left alone until that one lets go.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const ledger = yield* otherLedger
      const holder = Option.getOrThrow(
        Option.liftPredicate(storage.open("2026-11-21T05"), (answer) => !("_tag" in answer)),
      )
      yield* ledger.record(call)
      yield* TestClock.adjust(3 * hour)
      assert.strictEqual((yield* ledger.compact).segments, 0)
      if (!("_tag" in holder)) holder.close()
      assert.deepStrictEqual(yield* ledger.compact, { segments: 1, entries: 1 })
    }),
  )
  test(
    "A clock that goes back to an hour that is compacted opens another segment of that hour.",
    Effect.gen(function* () {
      const [storage, ledger] = [yield* SegmentStorage, yield* otherLedger]
      yield* ledger.record(call)
      yield* TestClock.adjust(2 * hour)
      yield* ledger.compact
      yield* TestClock.setTime(start + minute)
      yield* ledger.record(call)
      assert.deepStrictEqual([...(yield* storage.list).entries], ["2026-11-21T05.1"])
      yield* TestClock.adjust(2 * hour)
      assert.strictEqual(yield* total(ledger, "3 hours"), 2)
      yield* ledger.compact
      assert.deepStrictEqual([...(yield* storage.list).rollUps].sort(), ["2026-11-21T05", "2026-11-21T05.1"])
      assert.strictEqual(yield* total(ledger, "3 hours"), 2)
      assert.strictEqual(yield* total(yield* otherLedger, "3 hours"), 2)
    }),
  )
}

const foreignLines = (test: Test) => {
  const append = Effect.fnUntraced(function* (text: string) {
    const appender = (yield* SegmentStorage).open("2026-11-21T05")
    if ("_tag" in appender) return assert.fail("not opened")
    appender.append(text)
    appender.close()
  })
  test(
    "A line that was cut off, by whomever, does not swallow the one after it.",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* append('{"v":1,"time":1795237200000,"prov')
      yield* ledger.record(call)
      yield* append("noise\n\0\0\0\0")
      yield* ledger.record(call)
      yield* append('{"v":1,"time":1795237200000}')
      yield* ledger.record(call)
      const { foreignLines, totals } = yield* ledger.snapshot()
      assert.deepStrictEqual([totals.requests, foreignLines], [4, 3])
    }),
  )
  test(
    "Foreign lines are counted, set aside when the segment is compacted, and still counted then.",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* ledger.record(call)
      yield* append('{"v":1,"time":"yesterday"}\n{"v":1,"time":1,"input":-1}\nnull\n{"v":1,"time":17952')
      assert.strictEqual((yield* ledger.snapshot()).foreignLines, 3)
      yield* TestClock.adjust(2 * hour)
      assert.deepStrictEqual(yield* ledger.compact, { segments: 1, entries: 1 })
      const { foreignLines, totals } = yield* ledger.snapshot(day)
      assert.deepStrictEqual([totals.requests, foreignLines], [1, 4])
    }),
  )
  test(
    "Lines of a newer program are none of ours: counted apart, and their segment is not compacted.",
    Effect.gen(function* () {
      const ledger = yield* otherLedger
      yield* ledger.record(call)
      yield* append('{"v":2,"time":{"v":1}}\n')
      yield* TestClock.adjust(2 * hour)
      assert.strictEqual((yield* ledger.compact).segments, 0)
      const { foreignLines, newerLines, totals } = yield* ledger.snapshot(day)
      assert.deepStrictEqual([totals.requests, foreignLines, newerLines], [1, 0, 1])
    }),
  )
}
