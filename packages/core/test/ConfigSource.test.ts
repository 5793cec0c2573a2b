import { assert, describe, it } from "@effect/vitest"
import { ConfigSource, MemoryDocument } from "@signalbox/core/ConfigSource"
import { configSourceSuite, ForeignEditor } from "@signalbox/core/testing/ConfigSourceSuite"
import { Clock, Effect, Layer, Queue, Stream } from "effect"
import { TestClock } from "effect/testing"
import { rhythm, settled } from "../src/internal/Settled.ts"

const editor = Layer.effect(
  ForeignEditor,
  Effect.map(MemoryDocument, ({ save, text }) => ForeignEditor.of({ save, text })),
)
configSourceSuite("ConfigSource in memory", Layer.provideMerge(editor, ConfigSource.layerMemory))

describe("ConfigSource in memory", () => {
  it.effect("can be made to fail, with a hint, and to work again", () =>
    Effect.gen(function* () {
      const source = yield* ConfigSource
      const document = yield* MemoryDocument
      const { hash } = yield* source.seed("{}")
      yield* document.fail("EIO")
      assert.deepInclude(yield* Effect.flip(source.read), { code: "EIO", path: "memory" })
      assert.deepInclude(yield* Effect.flip(source.write("[]", hash)), { code: "EIO" })
      assert.deepInclude(yield* Effect.flip(source.seed("[]")), { code: "EIO" })
      yield* document.fail(undefined)
      assert.strictEqual((yield* source.read).text, "{}")
    }).pipe(Effect.provide(ConfigSource.layerMemory)),
  )
})

describe("hints settle", () => {
  /** What the rhythm makes of signals at these times; answers the times at which it was settled. */
  const rounds = Effect.fnUntraced(function* (times: ReadonlyArray<number>) {
    const signals = yield* Queue.sliding<void>(1)
    const found = yield* Queue.unbounded<number>()
    const signal = Queue.take(signals)
    yield* Stream.fromEffectRepeat(Effect.andThen(signal, settled(signal, rhythm))).pipe(
      Stream.runForEach(() => Effect.flatMap(Clock.currentTimeMillis, (now) => Queue.offer(found, now))),
      Effect.forkScoped({ startImmediately: true }),
    )
    for (const time of times) {
      yield* TestClock.setTime(time)
      yield* Queue.offer(signals, undefined)
    }
    yield* TestClock.adjust("10 seconds")
    return yield* Queue.takeAll(found)
  })

  it.effect("250 ms after the last of them", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rounds([0, 100, 340, 1000]), [590, 1250])
    }),
  )
  it.effect("at the latest two seconds after the first", () =>
    Effect.gen(function* () {
      const always = Array.from({ length: 50 }, (_, i) => i * 100)
      assert.deepStrictEqual(yield* rounds(always), [2000, 4000, 5150])
    }),
  )
})
