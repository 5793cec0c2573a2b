import { assert, it } from "@effect/vitest"
import { EventBus, Reconciler } from "@signalbox/core"
import { Effect, Layer } from "effect"
import { keepOneMore, kept, undo } from "../src/changing.ts"
import { JanitorConfig, settings } from "../src/janitor.ts"

const host = settings.pipe(
  Layer.provideMerge(JanitorConfig.layerMemory({ cleaning: { every_minutes: 10, keep: 3 }, motto: "tidy" })),
  Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
)

it.effect("a program reads a value, changes it, and takes the change back", () =>
  Effect.gen(function* () {
    assert.strictEqual(yield* kept, 3)
    assert.strictEqual(yield* keepOneMore, "Reloaded config (1 change):\n- cleaning.keep: 3 → 4")
    assert.strictEqual(yield* kept, 4)
    yield* undo
    assert.strictEqual(yield* kept, 3)
  }).pipe(Effect.provide(host)),
)

it.effect("of two programs that change the same document, one is told that the other was quicker", () =>
  Effect.gen(function* () {
    const answers = yield* Effect.all([keepOneMore, keepOneMore], { concurrency: "unbounded" })
    assert.isTrue(answers.some((answer) => answer.startsWith("Conflict: ")))
    assert.strictEqual(yield* kept, 4)
  }).pipe(Effect.provide(host)),
)
