import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { PinnedValues, Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { Effect, Exit, Fiber, Latch, Layer, Schema, Stream } from "effect"

class Window extends Setting.Service<Window>()("test/Window", Schema.Struct({ minutes: Schema.Int })) {}

const kernel = Reconciler.layer.pipe(Layer.provideMerge(EventBus.layer))
const hour = { minutes: 60 }
const live = Setting.layerFrom(Window, hour).pipe(Layer.provideMerge(kernel))

const put = (value: unknown, key: string = Window.key) =>
  Effect.flatMap(Reconciler, (reconciler) =>
    reconciler.run((transaction) =>
      Effect.flatMap(transaction.prepare(new Map([[key, value]])), (prepared) => prepared.commit([])),
    ),
  )
const settle = Effect.forEach(Array.from({ length: 10 }), () => Effect.yieldNow, { discard: true })

describe("Setting", () => {
  it.effect("returns the value in force", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Window.get, hour)
      const day = { minutes: 1440 }
      yield* put(day)
      assert.strictEqual(yield* Window.get, day)
    }).pipe(Effect.provide(live)),
  )

  it.effect("returns the pinned value, or the current one after the pin ended or without such a setting in it", () =>
    Effect.gen(function* () {
      const day = { minutes: 1440 }
      const pinnedTo = (values: ReadonlyMap<string, unknown> | undefined) =>
        Effect.provideService(Window.get, PinnedValues, { values })
      assert.strictEqual(yield* pinnedTo(new Map([[Window.key, day]])), day)
      assert.strictEqual(yield* pinnedTo(new Map()), hour)
      assert.strictEqual(yield* pinnedTo(undefined), hour)
    }).pipe(Effect.provide(live)),
  )

  it.effect("streams the current value, then each that differs, and ignores other settings", () =>
    Effect.gen(function* () {
      const values = [{ minutes: 1 }, { minutes: 1 }, { minutes: 2 }]
      const seen: Array<{ readonly minutes: number }> = []
      const follower = yield* Effect.forkChild(
        Stream.runForEach(Window.changes, (value) => Effect.sync(() => seen.push(value))),
      )
      yield* settle
      for (const value of values) {
        yield* put(value)
        yield* put(value)
        yield* put(Symbol("another"), "test/Another")
        yield* settle
      }
      yield* Fiber.interrupt(follower)
      assert.strictEqual(seen.length, 4)
      assert.isTrue([hour, ...values].every((value, index) => Object.is(value, seen[index])))
    }).pipe(Effect.provide(live)),
  )

  it.effect("gives a slow follower the last value", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const follower = yield* Window.changes.pipe(
        Stream.tap(() => gate.await),
        Stream.map(({ minutes }) => minutes),
        Stream.takeUntil((minutes) => minutes === 100),
        Stream.runCollect,
        Effect.forkChild,
      )
      yield* settle
      for (let minutes = 1; minutes <= 100; minutes++) yield* put({ minutes })
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(follower), [60, 100])
    }).pipe(Effect.provide(live)),
  )

  it.effect("provides a constant without a Reconciler, with one change", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Window.get, hour)
      const first = yield* Stream.runCollect(Stream.take(Window.changes, 1))
      assert.deepStrictEqual(first, [hour])
    }).pipe(Effect.provide(Window.layer(hour))),
  )

  it.effect("dies with the setting's name when its owner committed no value", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.flatMap(Reconciler, (reconciler) => Setting.bind(Window, reconciler).get))
      assert.isTrue(Exit.hasDies(exit))
      assert.include(String(Exit.isFailure(exit) ? exit.cause : ""), Window.key)
    }).pipe(Effect.provide(kernel)),
  )
})
