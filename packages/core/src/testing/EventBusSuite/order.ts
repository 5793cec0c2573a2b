/** The order of events and the selection of types. */
import { assert } from "@effect/vitest"
import { Effect, Fiber, Scheduler, Stream } from "effect"
import { type BusTest, Counted, collect, count, Ended, eventsOf, Foreign, Passing } from "./Fixtures.ts"

export const orderTests = (test: BusTest): void => {
  test("delivers the events of all publishers to all subscribers in the same order, with sequence numbers without holes", (bus) =>
    Effect.gen(function* () {
      const subscribers = yield* Effect.all([collect(bus), collect(bus), collect(bus)])
      yield* Effect.forEach(
        [0, 1, 2, 3],
        (publisher) => Effect.forEach(Array.from({ length: 500 }), (_, index) => bus.publish(count(index, publisher))),
        { concurrency: "unbounded" },
      )
      yield* bus.publish(new Ended({}))
      const [first = [], ...others] = yield* Effect.forEach(subscribers, Fiber.join)
      for (const other of others) assert.deepStrictEqual(other, first)
      assert.deepStrictEqual(
        first.map((item) => item._tag === "Envelope" && item.cursor.sequence),
        Array.from({ length: 2001 }, (_, index) => index + 1),
      )
    }))

  test("keeps the events of one publication together and in order", (bus) =>
    Effect.gen(function* () {
      const seen = yield* collect(bus)
      yield* Effect.forEach(
        [0, 1, 2, 3],
        (publisher) =>
          Effect.forEach(Array.from({ length: 50 }), () =>
            bus.publishAll(Array.from({ length: 7 }, (_, index) => count(index, publisher))),
          ),
        { concurrency: "unbounded" },
      )
      yield* bus.publish(new Ended({}))
      const events = eventsOf(yield* Fiber.join(seen))
      for (let start = 0; start < 1400; start += 7) {
        const [first, ...rest] = events.slice(start, start + 7).map((event) => event as Counted)
        assert.strictEqual(first?.count, 0)
        rest.forEach((event, index) => {
          assert.deepStrictEqual([event.publisher, event.count], [first?.publisher, index + 1])
        })
      }
    }))

  test("delivers events that were published between subscribing and the first pull", (bus) =>
    Effect.gen(function* () {
      yield* bus.publish(count(0))
      const stream = yield* bus.subscribe()
      yield* bus.publish(count(1))
      yield* bus.publish(count(2))
      const items = yield* Stream.runCollect(Stream.take(stream, 2))
      assert.deepStrictEqual(eventsOf(items), [count(1), count(2)])
    }))

  test("wakes a subscriber that yields at any operation for events that were published during the yield", (bus) =>
    Effect.gen(function* () {
      for (let operations = 3; operations <= 60; operations++) {
        const stream = yield* bus.subscribe()
        // In one turn: the first event, a subscriber that takes it and asks for more, the second event.
        yield* Effect.forkScoped(bus.publish(count(1)))
        const subscriber = yield* Stream.runCollect(Stream.take(stream, 2)).pipe(
          Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
          Effect.forkScoped,
        )
        yield* Effect.forkScoped(bus.publish(count(2)))
        assert.deepStrictEqual(eventsOf(yield* Fiber.join(subscriber)), [count(1), count(2)])
      }
    }))

  test("delivers only the types of a subscription", (bus) =>
    Effect.gen(function* () {
      const seen = yield* collect(bus, { types: [Counted, "test.ended"] })
      yield* bus.publishAll([
        new Foreign({}),
        count(1),
        new Passing({ count: 1 }),
        count(2),
        new Foreign({}),
        new Ended({}),
      ])
      assert.deepStrictEqual(eventsOf(yield* Fiber.join(seen)), [count(1), count(2), new Ended({})])
    }))

  test("never runs a subscriber inside a publication, and lets a subscriber publish", (bus) =>
    Effect.gen(function* () {
      let isPublishing = false
      const inside: Array<boolean> = []
      const stream = yield* bus.subscribe()
      const subscriber = yield* Stream.runForEach(Stream.take(stream, 3), () => {
        inside.push(isPublishing)
        return inside.length === 1 ? bus.publish(new Foreign({})) : Effect.void
      }).pipe(Effect.forkScoped({ startImmediately: true }))
      isPublishing = true
      yield* bus.publish(count(1))
      yield* bus.publishAll([count(2)])
      isPublishing = false
      yield* Fiber.join(subscriber)
      assert.deepStrictEqual(inside, [false, false, false])
    }))
}
