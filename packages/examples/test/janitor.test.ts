import { assert, it } from "@effect/vitest"
import { ConfigStore, EventBus, Reconciler } from "@signalbox/core"
import { Effect, Layer, Queue } from "effect"
import { TestClock } from "effect/testing"
import { Bin, JanitorConfig, janitor, settings } from "../src/janitor.ts"

const start = { cleaning: { every_minutes: 10, keep: 3 }, motto: "tidy" }

/** The host in memory; `rounds` receives what the janitor does. */
const host = (rounds: Queue.Queue<number>) =>
  janitor.pipe(
    Layer.provide(settings),
    Layer.provideMerge(ConfigStore.layerMemory(JanitorConfig, start)),
    Layer.provide(Layer.succeed(Bin)({ empty: (keep) => Queue.offer(rounds, keep) })),
    Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
  )

it.effect("empties the bin on time, and restarts the interval when its setting changes", () =>
  Effect.gen(function* () {
    const rounds = yield* Queue.unbounded<number>()
    yield* Effect.gen(function* () {
      const config = yield* JanitorConfig
      assert.strictEqual(yield* Queue.take(rounds), 3)
      yield* TestClock.adjust("9 minutes")
      assert.strictEqual(yield* Queue.size(rounds), 0)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Queue.take(rounds), 3)

      yield* config.update([{ path: "/cleaning/keep", value: 1 }])
      assert.strictEqual(yield* Queue.take(rounds), 1)
      yield* TestClock.adjust("10 minutes")
      assert.strictEqual(yield* Queue.take(rounds), 1)
      assert.strictEqual(yield* Queue.size(rounds), 0)
    }).pipe(Effect.provide(host(rounds)))
  }),
)

it.effect("keeps the interval when another value changes", () =>
  Effect.gen(function* () {
    const rounds = yield* Queue.unbounded<number>()
    yield* Effect.gen(function* () {
      const config = yield* JanitorConfig
      assert.strictEqual(yield* Queue.take(rounds), 3)
      yield* TestClock.adjust("6 minutes")
      yield* config.update([{ path: "/motto", value: "tidier" }])
      yield* TestClock.adjust("4 minutes")
      assert.deepStrictEqual(yield* Queue.takeAll(rounds), [3])
    }).pipe(Effect.provide(host(rounds)))
  }),
)

it.effect("refuses an invalid setting and keeps the interval", () =>
  Effect.gen(function* () {
    const rounds = yield* Queue.unbounded<number>()
    yield* Effect.gen(function* () {
      const config = yield* JanitorConfig
      const error = yield* Effect.flip(config.update([{ path: "/cleaning/every_minutes", value: 0 }]))
      assert.strictEqual(error.reason._tag, "Rejected")
      yield* Queue.take(rounds)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual(yield* Queue.takeAll(rounds), [3])
    }).pipe(Effect.provide(host(rounds)))
  }),
)
