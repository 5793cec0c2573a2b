/** Slow subscribers: lost events appear as Gaps, and other subscribers lose nothing. */
import { assert } from "@effect/vitest"
import { Deferred, Effect, Fiber, Stream } from "effect"
import { type Cursor, compareCursors } from "../../Event.ts"
import {
  type BusTest,
  Counted,
  collect,
  count,
  Ended,
  eventsOf,
  Foreign,
  gapsOf,
  type Item,
  missing,
  Passing,
} from "./Fixtures.ts"

export const lossTests = (test: BusTest): void => {
  test("counts each event that a sleeping subscriber loses in its Gaps, and loses none for the others", (bus) =>
    Effect.gen(function* () {
      const total = 100_000
      const events = Array.from({ length: total }, (_, index) =>
        index % 3 === 0 ? new Passing({ count: index }) : count(index),
      )
      const healthy = yield* Effect.all([collect(bus), collect(bus, { types: [Passing, Ended] })])
      const asleep = yield* Deferred.make<void>()
      const awake = yield* Deferred.make<void>()
      const sleepers = yield* Effect.forEach([undefined, [Counted, Ended]], (types) =>
        Effect.flatMap(bus.subscribe(types === undefined ? {} : { types }), (stream: Stream.Stream<Item>) =>
          stream.pipe(
            Stream.tap(() => Effect.andThen(Deferred.succeed(asleep, void 0), Deferred.await(awake))),
            Stream.takeUntil((item) => item._tag === "Envelope" && item.event._tag === Ended.type),
            Stream.runCollect,
            Effect.forkScoped({ startImmediately: true }),
          ),
        ),
      )
      yield* bus.publish(count(-1))
      yield* Deferred.await(asleep)
      yield* Effect.forEach(events, (event) => bus.publish(event), { discard: true })
      yield* Deferred.succeed(awake, void 0)
      yield* bus.publish(new Ended({}))

      const [all = [], passing = []] = yield* Effect.forEach(healthy, Fiber.join)
      assert.deepStrictEqual([all.length, gapsOf(all).length], [total + 2, 0])
      assert.deepStrictEqual([passing.length, gapsOf(passing).length], [Math.ceil(total / 3) + 1, 0])

      const [ofAll = [], ofCounted = []] = yield* Effect.forEach(sleepers, Fiber.join)
      assert.isAbove(gapsOf(ofAll).length, 0)
      assert.strictEqual(eventsOf(ofAll).length + missing(ofAll), total + 2)
      assert.isAbove(gapsOf(ofCounted).length, 0)
      assert.strictEqual(eventsOf(ofCounted).length + missing(ofCounted), total - Math.ceil(total / 3) + 2)
      // Each event is either delivered or in the range of exactly one Gap.
      assert.deepStrictEqual(withoutGaps(ofAll, all), all)
    }))

  test("loses no event of a synchronous publisher for a subscriber that is busy but never sleeps", (bus) =>
    Effect.gen(function* () {
      const stream = yield* bus.subscribe()
      const work = Effect.forEach(Array.from({ length: 20 }), () => Effect.sync(() => {}), { discard: true })
      const seen = yield* stream.pipe(
        Stream.tap(() => work),
        Stream.takeUntil((item) => item._tag === "Envelope" && item.event._tag === Ended.type),
        Stream.runCollect,
        Effect.forkScoped,
      )
      for (let index = 0; index < 5000; index++) yield* bus.publish(count(index))
      for (let index = 0; index < 100; index++) yield* bus.publishAll(Array.from({ length: 100 }, () => count(index)))
      yield* bus.publish(new Ended({}))
      const items = yield* Fiber.join(seen)
      assert.deepStrictEqual([items.length, gapsOf(items).length], [15_001, 0])
    }))

  test("counts the undelivered events of a publication larger than the capacity in a Gap", (bus) =>
    Effect.gen(function* () {
      const seen = yield* collect(bus)
      yield* Effect.yieldNow
      yield* bus.publishAll([...Array.from({ length: 5000 }, (_, index) => count(index)), new Ended({})])
      const items = yield* Fiber.join(seen)
      assert.strictEqual(eventsOf(items).length + missing(items), 5001)
      const delivered = eventsOf(items).flatMap((event) =>
        event._tag === Counted.type ? [(event as Counted).count] : [],
      )
      assert.deepStrictEqual(
        delivered,
        Array.from({ length: delivered.length }, (_, index) => 5000 - delivered.length + index),
      )
    }))

  test(
    "counts events of other types neither in the lag of a subscriber nor in a Gap",
    (bus) =>
      Effect.gen(function* () {
        const seen = yield* collect(bus, { types: [Counted, Ended] })
        yield* bus.publish(count(1))
        for (let index = 0; index < 1000; index++) yield* bus.publish(new Foreign({}))
        const [subscriber] = yield* bus.subscribers
        assert.strictEqual(subscriber?.lagEvents, 0)
        yield* bus.publishAll([count(2), new Ended({})])
        assert.deepStrictEqual(eventsOf(yield* Fiber.join(seen)), [count(1), count(2), new Ended({})])
      }),
    8,
  )
}

/** Replaces every Gap by the events of its range. */
const withoutGaps = (items: ReadonlyArray<Item>, all: ReadonlyArray<Item>): ReadonlyArray<Item> =>
  items.flatMap((item) =>
    item._tag === "Envelope"
      ? [item]
      : all.filter((other) => other._tag === "Envelope" && isWithin(other.cursor, item.from, item.to)),
  )

const isWithin = (cursor: Cursor, from: Cursor, to: Cursor): boolean =>
  compareCursors(cursor, from) >= 0 && compareCursors(cursor, to) <= 0
