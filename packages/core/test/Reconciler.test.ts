import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { Deferred, Effect, Exit, Fiber, Layer, Schema, Stream } from "effect"

class Window extends Setting.Service<Window>()("test/Window", Schema.Int) {}

const put = (value: number, key = Window.key) =>
  Effect.flatMap(Reconciler, (reconciler) =>
    reconciler.run((transaction) =>
      Effect.flatMap(transaction.prepare(new Map([[key, value]])), (prepared) => prepared.commit([])),
    ),
  )
const live = Setting.layerFrom(Window, 1).pipe(Layer.provideMerge(Reconciler.layer), Layer.provideMerge(EventBus.layer))

describe("Reconciler", () => {
  it.effect("runs one change at a time, in order", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const log: Array<string> = []
      const gate = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        reconciler.run(() =>
          Effect.andThen(
            Deferred.await(gate),
            Effect.sync(() => log.push("first")),
          ),
        ),
      )
      const second = yield* Effect.forkChild(reconciler.run(() => Effect.sync(() => log.push("second"))))
      yield* Effect.yieldNow
      assert.deepStrictEqual(yield* reconciler.queued, 2)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.joinAll([first, second])
      assert.deepStrictEqual(log, ["first", "second"])
      assert.deepStrictEqual(yield* reconciler.queued, 0)
    }).pipe(Effect.provide(live)),
  )

  it.effect("a commit is seen by get and followed by changes", () =>
    Effect.gen(function* () {
      const seen = yield* Effect.forkChild(Stream.runCollect(Stream.take(Window.changes, 2)))
      yield* Effect.yieldNow
      assert.strictEqual(yield* Window.get, 1)
      yield* put(1)
      yield* put(2)
      assert.strictEqual(yield* Window.get, 2)
      assert.deepStrictEqual(yield* Fiber.join(seen), [1, 2])
    }).pipe(Effect.provide(live)),
  )

  it.effect("a defect in a change is the caller's defect and the queue goes on", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const exit = yield* Effect.exit(reconciler.run(() => Effect.die("boom")))
      assert.isTrue(Exit.hasDies(exit))
      assert.strictEqual(yield* reconciler.run(() => Effect.succeed(1)), 1)
    }).pipe(Effect.provide(live)),
  )
})
