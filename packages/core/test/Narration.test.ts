import { assert, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as Event from "@signalbox/core/Event"
import { EventBus, EventCapacity } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import * as Narration from "@signalbox/core/Narration"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Console, Effect, Layer, Schema } from "effect"
import { TestClock } from "effect/testing"

class AppConfig extends ConfigStore.Service<AppConfig>()("test/AppConfig", {
  schema: Schema.Struct({ port: Schema.Int }),
  seed: '{ "port": 1 }\n',
}) {}
class Ticked extends Event.Class<Ticked>()("clock.ticked", { at: Schema.Int }) {}

/** Returns and removes the lines that were printed. */
const narrated = (body: (told: Effect.Effect<ReadonlyArray<string>>) => Effect.Effect<void, unknown, any>) => {
  const lines: Array<string> = []
  const console: Console.Console = Object.assign(Object.create(globalThis.console), {
    log: (text: string) => lines.push(...text.split("\n")),
  })
  const turns = Effect.forEach(Array.from({ length: 50 }), () => Effect.yieldNow, { discard: true })
  const host = Narration.layer(AppConfig).pipe(
    Layer.provideMerge(AppConfig.layer),
    Layer.provideMerge(MemoryConfigSource.layer),
    Layer.provideMerge(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
    Layer.provide(Layer.mergeAll(Layer.succeed(Console.Console, console), Layer.succeed(EventCapacity, 8))),
  )
  return body(
    Effect.andThen(
      turns,
      Effect.sync(() => lines.splice(0)),
    ),
  ).pipe(Effect.provide(host))
}

it.effect("prints the document's name, earlier events, and what each edit changed or why it was refused", () =>
  narrated((told) =>
    Effect.gen(function* () {
      assert.deepStrictEqual((yield* told).slice(0, 2), [
        "Following memory: edit it and save.",
        "config.seeded path=memory",
      ])
      const document = yield* MemoryDocument
      yield* document.save('{ "port": 2 }')
      yield* TestClock.adjust("1 second")
      const [changed = "", ...summary] = yield* told
      assert.match(changed, /^config\.changed revision=2 .*paths=\["\/port"\]/)
      assert.deepStrictEqual(summary, ["Reloaded config (1 change):", "- port: 1 → 2"])
      yield* document.save('{ "port":\n  "x" }')
      yield* TestClock.adjust("1 second")
      const [rejected, problem = ""] = yield* told
      assert.strictEqual(rejected, "config.rejected")
      assert.match(problem, /^memory:2:3: /)
    }),
  ),
)

it.effect("prints how many events it missed when it was too slow", () =>
  narrated((told) =>
    Effect.gen(function* () {
      yield* told
      const bus = yield* EventBus
      yield* bus.publishAll(Array.from({ length: 20 }, (_, at) => new Ticked({ at })))
      assert.deepStrictEqual(yield* told, [
        "… 12 events missed",
        ...Array.from({ length: 8 }, (_, index) => `clock.ticked at=${index + 12}`),
      ])
    }),
  ),
)

it.effect("prints which document serves when the document is refused at start", () =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const console: Console.Console = Object.assign(Object.create(globalThis.console), {
      log: (text: string) => lines.push(text),
    })
    const kept = '{ "port": 7 }'
    yield* Effect.gen(function* () {
      const source = yield* ConfigSource
      yield* source.history.keep(kept, yield* source.hash(kept))
      yield* (yield* MemoryDocument).save('{ "port": "x" }')
      const hash = yield* source.hash(kept)
      yield* Layer.build(Layer.provide(Narration.layer(AppConfig), AppConfig.layer))
      assert.strictEqual(lines[1], `It is refused; the last good one serves: ${hash.slice(0, 12)} of the history.`)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.mergeAll(
          MemoryConfigSource.layer,
          Layer.provideMerge(Reconciler.layer, EventBus.layer),
          Layer.succeed(Console.Console, console),
        ),
      ),
    )
  }),
)
