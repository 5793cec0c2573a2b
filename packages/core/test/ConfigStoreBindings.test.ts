/** Several layers that bind one setting, some of which close. */
import { assert, describe, it } from "@effect/vitest"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Deferred, Effect, Exit, Fiber, Layer, Scope } from "effect"
import { AppConfig, ModelSettings, place, RetentionPolicy, running, until } from "./ConfigStoreHost.ts"

const days = (value: number) => [{ path: "/retention", value: { days: value } }]
const daysNow = Effect.map(RetentionPolicy.get, ({ days }) => days)

describe("a setting that is bound twice", () => {
  it.effect("follows the configuration while one of its two layers is open", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        // The first is the host's own.
        const [second, third] = [yield* Scope.make(), yield* Scope.make()]
        for (const scope of [second, third]) {
          yield* Layer.buildWithScope(
            AppConfig.setting(RetentionPolicy, (config) => config.retention),
            scope,
          )
        }
        yield* Scope.close(second, Exit.void)
        yield* store.update(days(5))
        assert.strictEqual(yield* daysNow, 5)
        yield* Scope.close(third, Exit.void)
        yield* store.update(days(6))
        assert.strictEqual(yield* daysNow, 6)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("has the slice of its last layer, and runs no other selection", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const [outer, inner] = [yield* Scope.make(), yield* Scope.make()]
        let asked = 0
        yield* Layer.buildWithScope(
          AppConfig.setting(RetentionPolicy, ({ retention }) => {
            asked++
            return retention
          }),
          outer,
        )
        yield* Layer.buildWithScope(
          AppConfig.setting(RetentionPolicy, ({ retention }) => ({ days: -retention.days })),
          inner,
        )
        asked = 0
        yield* store.update(days(5))
        assert.deepStrictEqual([yield* daysNow, asked], [-5, 0])
        yield* Scope.close(inner, Exit.void)
        yield* store.update(days(6))
        assert.deepStrictEqual([yield* daysNow, asked], [6, 1])
        yield* Scope.close(outer, Exit.void)
      }),
    ).pipe(Effect.provide(place)),
  )
})

it.effect("ignores a layer that was interrupted while its change waited", () =>
  running(
    Effect.gen(function* () {
      const store = yield* AppConfig
      const reconciler = yield* Reconciler
      const leave = yield* Deferred.make<void>()
      const busy = yield* Effect.forkChild(reconciler.run(() => Deferred.await(leave)))
      yield* until(Effect.map(reconciler.queued, (count) => count === 1))
      const scope = yield* Scope.make()
      const throwing = AppConfig.setting(ModelSettings, ({ models, retention }) => {
        if (retention.days === 9) throw new Error("from a layer that is gone")
        return models
      })
      const building = yield* Effect.forkChild(Layer.buildWithScope(throwing, scope))
      yield* until(Effect.map(reconciler.queued, (count) => count === 2))
      yield* Fiber.interrupt(building)
      yield* Scope.close(scope, Exit.void)
      yield* Deferred.succeed(leave, undefined)
      yield* Fiber.join(busy)
      yield* store.update(days(9))
      assert.strictEqual(yield* daysNow, 9)
    }),
  ).pipe(Effect.provide(place)),
)
