import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { configSourceSuite, ForeignEditor } from "@signalbox/core/testing/ConfigSourceSuite"
import { Clock, Effect, Layer, Queue } from "effect"
import { TestClock } from "effect/testing"
import { makeDebounce } from "../src/internal/Debounce.ts"

const editor = Layer.effect(
  ForeignEditor,
  Effect.map(MemoryDocument, ({ save, text }) => ForeignEditor.of({ save, text })),
)
configSourceSuite("ConfigSource in memory", Layer.provideMerge(editor, MemoryConfigSource.layer))

describe("ConfigSource in memory", () => {
  it.effect("fails with the code that a test sets, until the test clears it", () =>
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
    }).pipe(Effect.provide(MemoryConfigSource.layer)),
  )
})

describe("Debounce", () => {
  /** Signals at these times; returns the times at which they had settled. */
  const rounds = Effect.fnUntraced(function* (times: ReadonlyArray<number>) {
    const { settle, signal, signalled } = yield* makeDebounce
    const found = yield* Queue.unbounded<number>()
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          Effect.andThen(signalled, settle),
          Effect.flatMap(Clock.currentTimeMillis, (now) => Queue.offer(found, now)),
        ),
      ),
      { startImmediately: true },
    )
    for (const time of times) {
      yield* TestClock.setTime(time)
      yield* signal
    }
    yield* TestClock.adjust("10 seconds")
    return yield* Queue.takeAll(found)
  })

  it.effect("settles 250 ms after the last signal", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rounds([0, 100, 340, 1000]), [590, 1250])
    }),
  )
  it.effect("settles 2 s after the first signal at the latest", () =>
    Effect.gen(function* () {
      const always = Array.from({ length: 50 }, (_, i) => i * 100)
      assert.deepStrictEqual(yield* rounds(always), [2000, 4000, 5150])
    }),
  )
})
