/** The contract of `SegmentStorage`. Run it with `segmentStorageSuite(name, layer)`. Each test builds the layer and expects an empty storage. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, type Layer } from "effect"
import { type OpenFailure, type SegmentAppender, SegmentStorage } from "../SegmentStorage.ts"

export const segmentStorageSuite = <E>(name: string, layer: Layer.Layer<SegmentStorage, E>): void => {
  describe(name, () => {
    const test = (title: string, body: Effect.Effect<void, unknown, SegmentStorage>) =>
      it.effect(title, () => Effect.provide(body, layer))
    appending(test)
    syncing(test)
    protection(test)
    replacing(test)
  })
}

type Test = (title: string, body: Effect.Effect<void, unknown, SegmentStorage>) => void

const segment = "2026-11-21T05"

const opened = (result: SegmentAppender | OpenFailure): SegmentAppender =>
  "_tag" in result ? assert.fail(`not opened: ${JSON.stringify(result)}`) : result

const readAll = Effect.fnUntraced(function* (name: string) {
  const storage = yield* SegmentStorage
  let [text, offset] = ["", 0]
  for (;;) {
    const chunk = yield* storage.read(name, offset)
    if (chunk === undefined) return undefined
    text += chunk.text
    offset = chunk.next
    if (chunk.atEnd) return text
  }
})

const appending = (test: Test) => {
  test(
    "appends the lines of several writers to one segment in order",
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
    "continues a read at an offset, and returns a line only when it is whole",
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
    "reads past a line that is longer than a chunk",
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

const syncing = (test: Test) => {
  test(
    "syncs a segment that is open, closed, held or gone",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      yield* storage.sync(segment)
      const writer = opened(storage.open(segment))
      writer.append("1\n")
      yield* storage.sync(segment)
      writer.close()
      yield* storage.sync(segment)
      yield* storage.exclusively(segment, () => storage.sync(segment))
      assert.strictEqual(yield* readAll(segment), "1\n")
    }),
  )
}

const protection = (test: Test) => {
  test(
    "runs exclusively only while the segment has no appender",
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
    "allows reading, but neither appending nor a second exclusive use, during exclusive use",
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
    "replaces a segment by its roll-up, and then refuses to open the segment",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const writer = opened(storage.open(segment))
      writer.append("1\n2")
      writer.close()
      yield* storage.exclusively(segment, (exclusive) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* exclusive.read(0)).text, "1\n2")
          yield* exclusive.replace("sum\n")
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
    "removes a segment during exclusive use",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      opened(storage.open(segment)).close()
      yield* storage.exclusively(segment, (exclusive) => exclusive.remove)
      assert.isUndefined(yield* readAll(segment))
      assert.strictEqual((yield* storage.list).entries.size, 0)
      assert.strictEqual(yield* storage.size(segment), 0)
    }),
  )
  test(
    "keeps lines that are set aside up to a bound",
    Effect.gen(function* () {
      const storage = yield* SegmentStorage
      const line = "x".repeat(400_000)
      assert.strictEqual(yield* storage.setAside([line]), 1)
      assert.strictEqual(yield* storage.setAside([line, line, line]), 1)
      assert.strictEqual(yield* storage.setAside([line]), 0)
    }),
  )
}
