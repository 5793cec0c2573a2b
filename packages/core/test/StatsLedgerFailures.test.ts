import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as LedgerRetention from "@signalbox/core/LedgerRetention"
import { SegmentStorage, SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { StatsCompacted } from "@signalbox/core/StatsEvents"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Effect, Layer, Logger, type Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { MemorySegments } from "../src/internal/SegmentStorage/MemorySegments.ts"

const hour = 3_600_000
/** The start of an hour: 2026-11-21T05:00Z. */
const base = 1_795_237_200_000
const stuck = "2026-11-21T05"
const unavailable = new SegmentsUnavailable({ storage: "memory", code: "EACCES", detail: "owned by another user" })

/** A storage that denies access to the oldest of three hours. */
const storage = Layer.sync(SegmentStorage, () => {
  const { storage } = new MemorySegments()
  return SegmentStorage.of({
    ...storage,
    exclusively: (name, use) => (name === stuck ? Effect.fail(unavailable) : storage.exclusively(name, use)),
  })
})

const threeHours = Effect.gen(function* () {
  const ledger = yield* StatsLedger
  for (let i = 0; i < 3; i++) {
    yield* ledger.record({ provider: "openai", model: "fast" })
    yield* TestClock.adjust(hour)
  }
  return ledger
})

describe("StatsLedger with an inaccessible segment", () => {
  const test = (
    title: string,
    body: Effect.Effect<void, unknown, StatsLedger | SegmentStorage | EventBus | Scope.Scope>,
  ) =>
    it.effect(title, () =>
      Effect.provide(
        Effect.scoped(body),
        StatsLedger.layer.pipe(
          Layer.provideMerge(Layer.mergeAll(storage, EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
          Layer.provideMerge(Logger.layer([])),
        ),
      ).pipe((run) => Effect.andThen(TestClock.setTime(base), run)),
    )

  test(
    "compacts the other segments, and then fails",
    Effect.gen(function* () {
      const bus = yield* EventBus
      const events = yield* bus.subscribe({ types: [StatsCompacted] })
      const ledger = yield* threeHours
      yield* TestClock.adjust(hour)
      assert.strictEqual(yield* Effect.flip(ledger.compact), unavailable)
      const { entries, rollUps } = yield* (yield* SegmentStorage).list
      assert.deepStrictEqual([...entries], [stuck])
      assert.deepStrictEqual([...rollUps].sort(), ["2026-11-21T06", "2026-11-21T07"])
      const folded = yield* Stream.runCollect(Stream.take(events, 2))
      assert.deepStrictEqual(
        folded.map((item) => item._tag === "Envelope" && item.event.segments),
        [1, 1],
      )
    }),
  )

  test(
    "sweeps the other segments, and then fails",
    Effect.gen(function* () {
      yield* threeHours
      const storage = yield* SegmentStorage
      const swept: Array<number> = []
      const error = yield* LedgerRetention.retainable(storage)
        .sweep({ olderThan: base + 2 * hour, dryRun: false })
        .pipe(
          Stream.runForEach(({ deleted }) => Effect.sync(() => swept.push(deleted))),
          Effect.flip,
        )
      assert.strictEqual(error, unavailable)
      const { entries, rollUps } = yield* storage.list
      assert.deepStrictEqual([...entries, ...rollUps].sort(), [stuck, "2026-11-21T07"])
      assert.deepStrictEqual(swept, [0, 1])
    }),
  )
})

/** Values that an operating system or a bug may throw. */
const thrown: ReadonlyArray<unknown> = [
  ...["EACCES", "EIO", "EINTR", "EMFILE", "ENOSPC", "EROFS", "ESTALE"].map((code) =>
    Object.assign(new Error(`${code}: refused`), { code }),
  ),
  new TypeError("x is not a function"),
  "a text",
  undefined,
]

describe("StatsLedger on a storage that throws", () => {
  for (const operation of ["open", "append", "isDetached", "close"] as const) {
    it.effect(`never fails its caller, and loses no entry, when \`${operation}\` throws`, () =>
      Effect.gen(function* () {
        for (const error of thrown) {
          let isBroken = false
          const throwing =
            <A extends ReadonlyArray<unknown>, B>(name: string, f: (...args: A) => B) =>
            (...args: A): B => {
              if (isBroken && name === operation) throw error
              return f(...args)
            }
          const { storage } = new MemorySegments()
          const broken = SegmentStorage.of({
            ...storage,
            open: throwing("open", (name) => {
              const opened = storage.open(name)
              if ("_tag" in opened) return opened
              return {
                append: throwing("append", opened.append),
                isDetached: throwing("isDetached", opened.isDetached),
                close: throwing("close", opened.close),
              }
            }),
          })
          yield* TestClock.setTime(base)
          yield* Effect.gen(function* () {
            const ledger = yield* StatsLedger
            yield* ledger.record({ model: "fast" })
            isBroken = true
            // A check of the open segment, and then a new hour.
            for (const pause of ["1 second", "1 hour", "1 hour"] as const) {
              yield* TestClock.adjust(pause)
              yield* ledger.record({ model: "fast" })
            }
            isBroken = false
            yield* TestClock.adjust("1 second")
            yield* ledger.record({ model: "fast" })
            assert.strictEqual((yield* ledger.snapshot({ window: "1 day" })).totals.requests, 5, String(error))
          }).pipe(
            Effect.provide(
              StatsLedger.layer.pipe(
                Layer.provide(Layer.succeed(SegmentStorage)(broken)),
                Layer.provide(Layer.merge(EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
                Layer.provideMerge(Logger.layer([])),
                Layer.fresh,
              ),
            ),
          )
        }
      }),
    )
  }
})
