import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { SegmentStorage, SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Clock, Effect, Fiber, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { MemorySegments } from "../src/internal/SegmentStorage/MemorySegments.ts"

/** The start of an hour: 2026-11-21T05:00Z. */
const base = 1_795_237_200_000
const unavailable = new SegmentsUnavailable({ storage: "memory", code: "EIO", detail: "broken" })

/** A ledger whose storage notes each sync with its second. `sync` replaces the outcome. */
const withLedger = (
  body: (options: {
    readonly ledger: StatsLedger["Service"]
    readonly syncs: Array<string>
    readonly lines: Array<string>
    readonly setSync: (sync: Effect.Effect<void, SegmentsUnavailable>) => void
    readonly close: Effect.Effect<void>
  }) => Effect.Effect<void, unknown, Scope.Scope>,
) =>
  Effect.gen(function* () {
    const syncs: Array<string> = []
    const lines: Array<string> = []
    let sync: Effect.Effect<void, SegmentsUnavailable> = Effect.void
    const storage = SegmentStorage.of({
      ...new MemorySegments().storage,
      sync: (name) =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => {
          syncs.push(`${name} ${(now - base) / 1000}`)
          return sync
        }),
    })
    yield* TestClock.setTime(base)
    const scope = yield* Scope.make()
    const layer = StatsLedger.layer.pipe(
      Layer.provide(Layer.succeed(SegmentStorage)(storage)),
      Layer.provide(Layer.merge(EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
      Layer.provideMerge(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
    )
    const context = yield* Layer.buildWithScope(layer, scope)
    yield* body({
      ledger: yield* Effect.provide(StatsLedger, context),
      syncs,
      lines,
      setSync: (outcome) => {
        sync = outcome
      },
      close: Effect.suspend(() => Scope.close(scope, Effect.runSync(Effect.exit(Effect.void)))),
    })
  }).pipe(Effect.scoped)

describe("StatsLedger and its disk", () => {
  it.effect("syncs each entry at most five seconds after it, and nothing while it is idle", () =>
    withLedger(({ ledger, syncs }) =>
      Effect.gen(function* () {
        for (let second = 0; second < 12; second++) {
          yield* ledger.record({ model: "fast" })
          yield* TestClock.adjust("1 second")
        }
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(syncs, ["2026-11-21T05 5", "2026-11-21T05 10", "2026-11-21T05 15"])
      }),
    ),
  )

  it.effect("syncs a segment whose hour has ended", () =>
    withLedger(({ ledger, syncs }) =>
      Effect.gen(function* () {
        yield* TestClock.adjust(3_598_000)
        yield* ledger.record({ model: "fast" })
        yield* TestClock.adjust("2 seconds")
        yield* ledger.record({ model: "fast" })
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(syncs, ["2026-11-21T05 3603", "2026-11-21T06 3603"])
      }),
    ),
  )

  it.effect("repeats a sync that fails, and logs the failure and the recovery once", () =>
    withLedger(({ ledger, lines, setSync, syncs }) =>
      Effect.gen(function* () {
        setSync(Effect.fail(unavailable))
        yield* ledger.record({ model: "fast" })
        yield* TestClock.adjust("14 seconds")
        setSync(Effect.void)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(syncs, ["2026-11-21T05 5", "2026-11-21T05 10", "2026-11-21T05 15"])
        assert.deepStrictEqual(lines, [
          "A power cut may take entries of the ledger: the ledger in memory cannot be used (EIO): broken",
          "New entries of the ledger survive a power cut again.",
        ])
      }),
    ),
  )

  it.effect("records while a sync waits for the disk", () =>
    withLedger(({ ledger, setSync, syncs }) =>
      Effect.gen(function* () {
        setSync(Effect.never)
        yield* ledger.record({ model: "fast" })
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(syncs.length, 1)
        yield* ledger.record({ model: "fast" })
        assert.strictEqual((yield* ledger.snapshot()).totals.requests, 2)
      }),
    ),
  )

  it.effect("syncs a last time when it closes, and waits at most two seconds for it", () =>
    withLedger(({ close, ledger, setSync, syncs }) =>
      Effect.gen(function* () {
        setSync(Effect.never)
        yield* ledger.record({ model: "fast" })
        const closing = yield* Effect.forkChild(close)
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(closing)
        assert.deepStrictEqual(syncs, ["2026-11-21T05 0"])
      }),
    ),
  )
})
