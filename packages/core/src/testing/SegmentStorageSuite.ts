/** What every `SegmentStorage` must do. Run it with `segmentStorageSuite(name, layer)`; each test builds the layer anew and expects it empty. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer } from "effect"
import { type OpenFailure, type SegmentAppender, SegmentStorage } from "../SegmentStorage.ts"

export const segmentStorageSuite = <E>(name: string, layer: Layer.Layer<SegmentStorage, E>): void => {
  describe(name, () => {
    const test = (title: string, body: Effect.Effect<void, unknown, SegmentStorage>) =>
      it.effect(title, () => Effect.provide(body, layer))
    appending(test)
    protection(test)
    replacing(test)
  })
}

type Test = (title: string, body: Effect.Effect<void, unknown, SegmentStorage>) => void

const segment = "2026-11-21T05"

const opened = (answer: SegmentAppender | OpenFailure): SegmentAppender =>
  "_tag" in answer ? assert.fail(`not opened: ${JSON.stringify(answer)}`) : answer

const readAll = Effect.fnUntraced(function* (name: string) {
  const storage = yield* SegmentStorage
  let [text, offset] = ["", 0]
  for (;;) {
    const piece = yield* storage.read(name, offset)
    if (piece === undefined) return undefined
    text += piece.text
    offset = piece.next
    if (piece.atEnd) return text
  }
})

const appending = (test: Test) => {
  test(
    "What several writers append follows one another in one segment.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const [a, b] = [opened(storage.open(segment)), opened(storage.open(segment))]
      assert.isUndefined(a.append("1\n"))
      assert.isUndefined(b.append("2\n"))
      assert.isUndefined(a.append("3\n"))
      assert.strictEqual(yield* readAll(segment), "1\n2\n3\n")
      assert.isFalse(a.isDetached())
      a.close()
      b.close()
      assert.deepStrictEqual([...(yield* storage.list).entries], [segment])
      assert.isUndefined(yield* readAll("2026-11-21T06"))
    }),
  )
  test(
    "A reader goes on where it stopped, and gets a line only when it is whole.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const writer = opened(storage.open(segment))
      writer.append("one\ntw")
      const first = yield* storage.read(segment, 0)
      assert.strictEqual(first?.text, "one\n")
      assert.isTrue(first?.atEnd)
      assert.strictEqual((yield* storage.read(segment, first!.next))?.text, "")
      writer.append("o\nthree\n")
      const second = yield* storage.read(segment, first!.next)
      assert.strictEqual(second?.text, "two\nthree\n")
      assert.strictEqual(second?.id, first?.id)
      writer.close()
    }),
  )
  test(
    "A line without an end does not keep anybody from what follows it.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const writer = opened(storage.open(segment))
      const text = `${"x".repeat(1_500_000)}\nlast\n`
      writer.append(text)
      writer.close()
      assert.isTrue((yield* readAll(segment)) === text)
    }),
  )
}

const protection = (test: Test) => {
  test(
    "A segment is held exclusively only while nobody appends to it.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const hold = storage.exclusively(segment, () => Effect.succeed("held"))
      assert.isUndefined(yield* hold)
      const [a, b] = [opened(storage.open(segment)), opened(storage.open(segment))]
      assert.isUndefined(yield* hold)
      a.close()
      assert.isUndefined(yield* hold)
      b.close()
      assert.strictEqual(yield* hold, "held")
    }),
  )
  test(
    "While a segment is held nobody else holds it or appends to it, and everyone may read it.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const writer = opened(storage.open(segment))
      writer.append("1\n")
      writer.close()
      const held = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      const fiber = yield* storage
        .exclusively(segment, () => Effect.andThen(Deferred.succeed(held, void 0), Deferred.await(leave)))
        .pipe(Effect.forkChild({ startImmediately: true }))
      yield* Deferred.await(held)
      assert.isUndefined(yield* storage.exclusively(segment, () => Effect.succeed("held")))
      assert.deepStrictEqual(storage.open(segment), { _tag: "Replaced" })
      assert.strictEqual(yield* readAll(segment), "1\n")
      yield* Deferred.succeed(leave, void 0)
      yield* Fiber.join(fiber)
      opened(storage.open(segment)).close()
    }),
  )
}

const replacing = (test: Test) => {
  test(
    "A roll-up takes the segment's place, and nobody appends to the segment any more.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const writer = opened(storage.open(segment))
      writer.append("1\n2")
      writer.close()
      yield* storage.exclusively(segment, (held) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* held.read(0)).text, "1\n2")
          yield* held.replace("sum\n")
        }),
      )
      const listing = yield* storage.list
      assert.deepStrictEqual([[...listing.entries], [...listing.rollUps]], [[], [segment]])
      assert.strictEqual(yield* storage.readRollUp(segment), "sum\n")
      assert.strictEqual(yield* storage.size(segment), 4)
      assert.deepStrictEqual(storage.open(segment), { _tag: "Replaced" })
      opened(storage.open(`${segment}.1`)).close()
      yield* storage.removeRollUp(segment)
      assert.isUndefined(yield* storage.readRollUp(segment))
    }),
  )
  test(
    "A held segment can be removed.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      opened(storage.open(segment)).close()
      yield* storage.exclusively(segment, (held) => held.remove)
      assert.isUndefined(yield* readAll(segment))
      assert.strictEqual((yield* storage.list).entries.size, 0)
      assert.strictEqual(yield* storage.size(segment), 0)
    }),
  )
  test(
    "What is set aside finds room up to a bound.",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const line = "x".repeat(400_000)
      assert.strictEqual(yield* storage.setAside([line]), 1)
      assert.strictEqual(yield* storage.setAside([line, line, line]), 1)
      assert.strictEqual(yield* storage.setAside([line]), 0)
    }),
  )
}
