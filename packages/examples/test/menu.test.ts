import { assert, it } from "@effect/vitest"
import { ConfigStore, EventBus, ModelRegistry, ModelSettings, Reconciler } from "@signalbox/core"
import { Model } from "@signalbox/core/ModelRegistry"
import { Effect, Layer, Queue, Schema } from "effect"
import { TestClock } from "effect/testing"
import { menu, Screen } from "../src/menu.ts"

class Config extends ConfigStore.Service<Config>()("menu/Config", {
  schema: Schema.Struct({ models: ModelSettings.schema }),
}) {}

/** The host, all of it in memory; `lines` is what the menu shows. */
const host = (lines: Queue.Queue<string>) =>
  menu.pipe(
    Layer.provide(Layer.succeed(Screen)({ show: (line) => Queue.offer(lines, line) })),
    Layer.provideMerge(ModelRegistry.layer),
    Layer.provide(Config.setting(ModelSettings, (config) => config.models)),
    Layer.provideMerge(Config.layerMemory({ models: { fast: Model.make({ upstream: "small-1" }) } })),
    Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
  )

it.effect("the menu says at most once a second which models came and went, whoever brought them", () =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string>()
    yield* Effect.gen(function* () {
      const config = yield* Config
      const registry = yield* ModelRegistry
      yield* config.update([{ path: "/models/smart", value: { upstream: "large-1" } }])
      yield* registry.register({ mirror: { upstream: "small-2" } }, { name: "plugin" })
      assert.strictEqual(yield* Queue.size(lines), 0)

      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Queue.take(lines), "model.added smart, model.added mirror → fast mirror smart")

      yield* config.update([{ path: "/models/fast", remove: true }])
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Queue.take(lines), "model.removed fast → mirror smart")
    }).pipe(Effect.scoped, Effect.provide(host(lines)))
  }),
)
