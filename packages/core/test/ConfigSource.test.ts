import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { configSourceSuite, ForeignEditor } from "@signalbox/core/testing/ConfigSourceSuite"
import { Clock, Effect, Fiber, Layer, Queue } from "effect"
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
  /** The time at which a file stood still that changed at these times. Only the first change was signalled: the machine is loaded. */
  const stillAfter = Effect.fnUntraced(function* (times: ReadonlyArray<number>, isReplaced: boolean) {
    const { signal, signalled, standStill } = yield* makeDebounce
    const start = yield* Clock.currentTimeMillis
    const look = Effect.map(Clock.currentTimeMillis, (now) => {
      const print = String(times.filter((time) => start + time <= now).length)
      return { file: isReplaced ? print : "file", print }
    })
    const still = yield* Effect.forkScoped(
      Effect.andThen(
        Effect.andThen(signalled, standStill(look)),
        Effect.map(Clock.currentTimeMillis, (now) => now - start),
      ),
      { startImmediately: true },
    )
    yield* signal
    yield* TestClock.adjust("20 seconds")
    return yield* Fiber.join(still)
  })

  it.effect("waits until a file stood still that five slow writes change, although later signals are late", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* stillAfter([0], false), 250)
      assert.strictEqual(yield* stillAfter([0, 200, 400, 600, 800], false), 1050)
    }),
  )
  it.effect("waits 2 s for a file that is replaced again and again, and 10 s for one that changes in place", () =>
    Effect.gen(function* () {
      const always = Array.from({ length: 200 }, (_, i) => i * 100)
      assert.strictEqual(yield* stillAfter(always, true), 2000)
      assert.strictEqual(yield* stillAfter(always, false), 10_000)
    }),
  )
  it.effect("settles 2 s after the first signal at the latest", () =>
    Effect.gen(function* () {
      const always = Array.from({ length: 50 }, (_, i) => i * 100)
      assert.deepStrictEqual(yield* rounds(always), [2000, 4000, 5150])
    }),
  )
})
