import { assert, it } from "@effect/vitest"
import { EventBus, Reconciler } from "@signalbox/core"
import { Effect, Layer } from "effect"
import { keepOneMore, kept } from "../src/changing.ts"
import { JanitorConfig, settings } from "../src/janitor.ts"
import { request, Services } from "../src/replaced.ts"

const host = Services.layer.pipe(
  Layer.provideMerge(settings),
  Layer.provideMerge(JanitorConfig.layerMemory({ cleaning: { every_minutes: 10, keep: 3 }, motto: "tidy" })),
  Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
)

it.effect("a request keeps what it began with, the next one has what was changed meanwhile", () =>
  Effect.gen(function* () {
    const inside = Effect.gen(function* () {
      yield* keepOneMore
      assert.strictEqual(yield* kept, 3)
    })
    assert.strictEqual(yield* request(inside), "all but 3")
    assert.strictEqual(yield* request(Effect.void), "all but 4")
    assert.strictEqual(yield* kept, 4)
  }).pipe(Effect.provide(host)),
)
