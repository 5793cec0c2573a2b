/** Segments, compaction and unreadable lines. */
import { assert } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import { TestClock } from "effect/testing"
import { EventBus } from "../../EventBus.ts"
import { SegmentStorage } from "../../SegmentStorage.ts"
import { StatsCompacted } from "../../StatsEvents.ts"
import { call, day, hour, type LedgerTest, minute, otherLedger, start, total } from "./Fixtures.ts"

export const segmentTests = (test: LedgerTest) => {
  test(
    "creates the segment of an hour with the first entry that is recorded in it",
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
    "replaces a missing or future time by the current time",
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
    "cuts a name of a million letters, and keeps names with any characters on one line",
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

export const compactionTests = (test: LedgerTest) => {
  test(
    "compacts the segments whose hour ended an hour ago, and returns how many entries they had",
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
    "compacts after each hour, also a segment of its own without further entries",
    Effect.gen(function* () {
      const [storage, ledger] = [yield* SegmentStorage, yield* otherLedger]
      yield* ledger.record(call)
      yield* TestClock.adjust(2 * hour)
      assert.strictEqual((yield* storage.list).rollUps.size, 0)
      yield* TestClock.adjust(minute)
      // Compaction of a real directory waits for the disk, not for the clock. A second call waits for its turn.
      yield* ledger.compact
      assert.deepStrictEqual([...(yield* storage.list).rollUps], ["2026-11-21T05"])
      assert.strictEqual(yield* total(ledger, "3 hours"), 1)
    }),
  )
  test(
    "skips a segment that another ledger has open",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const ledger = yield* otherLedger
      const holder = Option.getOrThrow(
        Option.liftPredicate(storage.open("2026-11-21T05"), (result) => !("_tag" in result)),
      )
      yield* ledger.record(call)
      yield* TestClock.adjust(3 * hour)
      assert.strictEqual((yield* ledger.compact).segments, 0)
      if (!("_tag" in holder)) holder.close()
      assert.deepStrictEqual(yield* ledger.compact, { segments: 1, entries: 1 })
    }),
  )
  test(
    "opens another segment of an hour that is already compacted, if the clock goes back",
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

export const foreignLineTests = (test: LedgerTest) => {
  const append = Effect.fnUntraced(function* (text: string) {
    const appender = (yield* SegmentStorage).open("2026-11-21T05")
    if ("_tag" in appender) return assert.fail("not opened")
    appender.append(text)
    appender.close()
  })
  test(
    "reads a whole line after a line that was cut off",
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
    "counts unreadable lines, also after compaction has set them aside",
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
    "counts lines of newer programs separately, and does not compact their segment",
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
