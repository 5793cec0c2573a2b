/** Envelopes, cursors, and history after a cursor. */
import { assert } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Event from "../../Event.ts"
import { type BusTest, Counted, collect, count, Ended, eventsOf, gapsOf, Passing } from "./Fixtures.ts"

export const envelopeTests = (test: BusTest): void => {
  test("puts time, revision and cause into envelopes, and keeps a revision until the next one", (bus) =>
    Effect.gen(function* () {
      const seen = yield* collect(bus)
      yield* bus.publish(count(0))
      yield* TestClock.adjust("5 seconds")
      yield* bus.publishAll([count(1), count(2)], { revision: 7, causationId: "request 1" })
      yield* TestClock.setTime(9000)
      yield* bus.publish(count(3), { causationId: "e:1" })
      yield* bus.publishAll([], { revision: 8 })
      yield* bus.publish(new Ended({}))
      const items = yield* Fiber.join(seen)
      assert.deepStrictEqual(
        items.map((item) => item._tag === "Envelope" && [item.time, item.revision, item.causationId, item.source]),
        [
          [0, 0, undefined, "signalbox"],
          [5000, 7, "request 1", "signalbox"],
          [5000, 7, "request 1", "signalbox"],
          [9000, 7, "e:1", "signalbox"],
          [9000, 8, undefined, "signalbox"],
        ],
      )
    }))

  test("gives an ephemeral event the cursor of the durable event before it and a number", (bus) =>
    Effect.gen(function* () {
      const seen = yield* collect(bus)
      const passing = new Passing({ count: 0 })
      yield* bus.publishAll([passing, count(0), passing, passing, count(1), passing, new Ended({})])
      const places = (yield* Fiber.join(seen)).map(
        (item) => item._tag === "Envelope" && Event.formatCursor(item.cursor).split(":")[1],
      )
      assert.deepStrictEqual(places, ["0.1", "1", "1.1", "1.2", "2", "2.1", "3"])
    }))

  test("returns the cursor of its newest event", (bus) =>
    Effect.gen(function* () {
      assert.strictEqual((yield* bus.cursor).sequence, 0)
      const seen = yield* collect(bus)
      yield* bus.publishAll([count(0), new Passing({ count: 0 })])
      const { n, sequence } = yield* bus.cursor
      assert.deepStrictEqual([sequence, n], [1, 1])
      yield* bus.publish(new Ended({}))
      assert.deepStrictEqual(
        yield* bus.cursor,
        (yield* Fiber.join(seen)).flatMap((item) => (item._tag === "Envelope" ? [item.cursor] : [])).at(-1),
      )
    }))
}

export const historyTests = (test: BusTest): void => {
  test("joins history and live events without a hole or a repeat after each cursor", (bus) =>
    Effect.gen(function* () {
      const whole = yield* collect(bus)
      const before = yield* bus.cursor
      for (let index = 0; index < 20; index++)
        yield* bus.publish(index % 3 === 0 ? new Passing({ count: index }) : count(index))
      const first = yield* bus
        .subscribe({ after: before })
        .pipe(Effect.flatMap((stream) => Stream.runCollect(Stream.take(stream, 20))))
      const cursors = first.flatMap((item) => (item._tag === "Envelope" ? [item.cursor] : []))
      const followers = yield* Effect.forEach([before, ...cursors], (after) => collect(bus, { after }))
      for (let index = 20; index < 40; index++) yield* bus.publish(count(index))
      yield* bus.publish(new Ended({}))
      const all = yield* Fiber.join(whole)
      assert.strictEqual(all.length, 41)
      const seen = yield* Effect.forEach(followers, Fiber.join)
      for (const [index, items] of seen.entries()) assert.deepStrictEqual(items, all.slice(index))
    }))

  test("delivers a Gap and all kept events for a cursor of another epoch or of the future", (bus) =>
    Effect.gen(function* () {
      const { epoch } = yield* bus.cursor
      yield* bus.publish(count(1))
      const foreign = [
        { epoch: "another", sequence: 1 },
        { epoch, sequence: 3 },
      ]
      const seen = yield* Effect.forEach(foreign, (after) => collect(bus, { after, types: [Counted, Ended] }))
      yield* bus.publish(new Ended({}))
      const answers = yield* Effect.forEach(seen, Fiber.join)
      answers.forEach((items, index) => {
        assert.deepStrictEqual(
          gapsOf(items).map(({ from, reason }) => [from, reason]),
          [[foreign[index], "other-epoch"]],
        )
        assert.strictEqual(items[0]?._tag, "Gap")
        assert.deepStrictEqual(eventsOf(items), [count(1), new Ended({})])
      })
    }))
}
