import { assert, it } from "@effect/vitest"
import { ConfigSource, MemoryDocument } from "@signalbox/core/ConfigSource"
import { Effect } from "effect"

it.effect("writes only over the document that the writer saw", () =>
  Effect.gen(function* () {
    const source = yield* ConfigSource
    const { hash, seeded } = yield* source.seed("{}")
    assert.isTrue(seeded)
    yield* (yield* MemoryDocument).save("{ }")
    const error = yield* Effect.flip(source.write("{ 1 }", hash))
    assert.strictEqual(error._tag, "Conflict")
    const found = yield* source.read
    const written = yield* source.exclusively(source.write("[]", found.hash))
    assert.strictEqual((yield* source.read).hash, written.hash)
  }).pipe(Effect.provide(ConfigSource.layerMemory)),
)
