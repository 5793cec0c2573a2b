import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { type SegmentAppender, SegmentStorage } from "@signalbox/core/SegmentStorage"
import { StatsDegraded } from "@signalbox/core/StatsEvents"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Effect, Layer, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { MemorySegments } from "../src/internal/SegmentStorage/MemorySegments.ts"
import { maxWaiting } from "../src/internal/StatsLedger/SegmentWriter.ts"

const call = { provider: "openai", model: "fast", inputTokens: 1 }

/** A disk with room for a number of characters: it cuts the line that does not fit. */
const makeDisk = () => {
  const segments = new MemorySegments()
  const disk = { room: Number.POSITIVE_INFINITY, code: "ENOSPC" }
  const limited = (appender: SegmentAppender): SegmentAppender => ({
    ...appender,
    append: (text) => {
      const fits = text.slice(0, Math.max(0, Math.floor(disk.room)))
      disk.room -= fits.length
      if (fits.length > 0) appender.append(fits)
      return fits.length === text.length ? undefined : { code: disk.code, written: fits.length }
    },
  })
  const storage = SegmentStorage.of({
    ...segments.storage,
    open: (name) => {
      const opened = segments.storage.open(name)
      return "_tag" in opened ? opened : limited(opened)
    },
  })
  return { disk, layer: Layer.succeed(SegmentStorage)(storage) }
}

const withLedger = <A, E>(
  layer: Layer.Layer<SegmentStorage>,
  body: (ledger: StatsLedger["Service"], bus: EventBus["Service"]) => Effect.Effect<A, E, SegmentStorage>,
) =>
  Effect.gen(function* () {
    return yield* body(yield* StatsLedger, yield* EventBus)
  }).pipe(
    Effect.provide(
      StatsLedger.layer.pipe(
        Layer.provideMerge(Layer.mergeAll(layer, EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
      ),
    ),
  )

describe("StatsLedger on a full disk", () => {
  it.effect("keeps refused entries, reports them in the snapshot, and writes them when there is room again", () => {
    const { disk, layer } = makeDisk()
    return withLedger(layer, (ledger) =>
      Effect.gen(function* () {
        yield* ledger.record(call)
        disk.room = 0
        for (let i = 0; i < 10; i++) yield* ledger.record(call)
        const full = yield* ledger.snapshot()
        assert.strictEqual(full.totals.requests, 1)
        assert.deepStrictEqual(full.degraded, { reason: "ENOSPC", since: 0, waiting: 10, lost: 0 })
        disk.room = Number.POSITIVE_INFINITY
        yield* ledger.record(call)
        const again = yield* ledger.snapshot()
        assert.strictEqual(again.totals.requests, 12)
        assert.isUndefined(again.degraded)
      }),
    )
  })

  it.effect("loses and doubles no entry, wherever the disk gets full within a line", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 8 }), (rooms) => {
          const { disk, layer } = makeDisk()
          return Effect.runPromise(
            withLedger(layer, (ledger) =>
              Effect.gen(function* () {
                const other = yield* Effect.map(SegmentStorage, ({ open }) => open("1970-01-01T00"))
                if ("_tag" in other) return assert.fail("not opened")
                let recorded = 0
                for (const room of rooms) {
                  disk.room = room
                  for (let i = 0; i < 6; i++, recorded++) yield* ledger.record(call)
                  disk.room = Number.POSITIVE_INFINITY
                  // Another process writes first after the disk has room again, directly after the cut line.
                  other.append('{"v":1,"time":0}\n')
                  recorded++
                }
                yield* ledger.record(call)
                const { degraded, totals } = yield* ledger.snapshot()
                assert.isUndefined(degraded)
                assert.strictEqual(totals.requests, recorded + 1)
              }),
            ).pipe(Effect.provide(TestClock.layer())),
          )
        }),
      ),
    ),
  )

  it.effect("keeps a bounded number of refused entries, and counts the others as lost", () => {
    const { disk, layer } = makeDisk()
    return withLedger(layer, (ledger) =>
      Effect.gen(function* () {
        disk.room = 0
        disk.code = "EIO"
        for (let i = 0; i < maxWaiting + 5; i++) yield* ledger.record(call)
        const { degraded } = yield* ledger.snapshot()
        assert.deepStrictEqual(degraded, { reason: "EIO", since: 0, waiting: maxWaiting, lost: 5 })
        disk.room = Number.POSITIVE_INFINITY
        yield* ledger.record(call)
        assert.strictEqual((yield* ledger.snapshot()).totals.requests, maxWaiting + 1)
      }),
    )
  })

  it.effect("reports refused entries once a minute, retries each time, and logs the recovery", () => {
    const { disk, layer } = makeDisk()
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    return withLedger(layer, (ledger, bus) =>
      Effect.gen(function* () {
        const events = yield* bus.subscribe({ types: [StatsDegraded] })
        yield* events.pipe(
          Stream.runForEach((event) =>
            Effect.sync(() => lines.push(event._tag === "Envelope" ? `event ${event.event.reason}` : "gap")),
          ),
          Effect.forkScoped,
        )
        disk.room = 0
        for (let i = 0; i < 100; i++) {
          yield* ledger.record(call)
          yield* TestClock.adjust("1 second")
        }
        assert.deepStrictEqual(
          lines.filter((line) => line.startsWith("event")),
          ["event ENOSPC", "event ENOSPC"],
        )
        assert.strictEqual(lines.filter((line) => line.includes("cannot be written")).length, 2)
        // Waiting entries are written although no further entry is recorded.
        disk.room = Number.POSITIVE_INFINITY
        yield* TestClock.adjust("1 minute")
        assert.strictEqual((yield* ledger.snapshot()).totals.requests, 100)
        assert.strictEqual(lines.at(-1), "The ledger can be written again.")
        yield* TestClock.adjust("10 minutes")
        assert.strictEqual(lines.at(-1), "The ledger can be written again.")
      }).pipe(Effect.scoped),
    ).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("retries refused entries when it closes, and logs the lost ones", () => {
    const { disk, layer } = makeDisk()
    const lines: Array<string> = []
    const logger = Logger.make(({ message }) => void lines.push(String(message)))
    const run = (atEnd: number) =>
      withLedger(layer, (ledger) =>
        Effect.gen(function* () {
          disk.room = 0
          yield* ledger.record(call)
          disk.room = atEnd
        }),
      )
    return Effect.gen(function* () {
      yield* run(Number.POSITIVE_INFINITY)
      assert.deepStrictEqual(lines, [])
      const { totals } = yield* withLedger(layer, (ledger) => ledger.snapshot())
      assert.strictEqual(totals.requests, 1)
      yield* run(0)
      assert.match(lines.join(), /1 entries of the ledger are lost: they could not be written \(ENOSPC\)/)
    }).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("refuses entries with ENOSPC when the storage in memory is full", () => {
    const segments = new MemorySegments({ capacityBytes: 100 })
    return withLedger(Layer.succeed(SegmentStorage)(SegmentStorage.of(segments.storage)), (ledger) =>
      Effect.gen(function* () {
        for (let i = 0; i < 3; i++) yield* ledger.record(call)
        const { degraded, totals } = yield* ledger.snapshot()
        assert.strictEqual(degraded?.reason, "ENOSPC")
        assert.strictEqual(totals.requests + (degraded?.waiting ?? 0), 3)
      }),
    )
  })
})
