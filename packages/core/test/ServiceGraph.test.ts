import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { Effect, Layer } from "effect"
import { handler, ModelSettings, ProviderSettings, Services } from "./types/app.ts"

const kernel = Reconciler.layer.pipe(Layer.provideMerge(EventBus.layer))
const settings = Layer.mergeAll(
  Setting.layerFrom(ProviderSettings, { a: { url: "http://a" } }),
  Setting.layerFrom(ModelSettings, { fast: "small" }),
)
const live = Services.layer.pipe(Layer.provideMerge(settings), Layer.provideMerge(kernel))

describe("ServiceGraph", () => {
  it.effect("a change rebuilds what depends on it", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Services.provide(handler), "small@http://a")
      const reconciler = yield* Reconciler
      yield* reconciler.run((transaction) =>
        Effect.flatMap(transaction.prepare(new Map([[ModelSettings.key, { fast: "big" }]])), (prepared) =>
          prepared.commit([]),
        ),
      )
      assert.strictEqual(yield* Services.provide(handler), "big@http://a")
    }).pipe(Effect.provide(live)),
  )
})
