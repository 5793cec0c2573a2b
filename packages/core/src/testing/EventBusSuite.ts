/**
 * What every `EventBus` must do, whatever stands behind it. Run it with `eventBusSuite(name, layer)`; each test builds the layer anew, with
 * an `EventCapacity` of its own. A bus may keep more history than the capacity asks for; what it does not deliver must stand in Gaps.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Deferred, Effect, Exit, Fiber, Layer, Scheduler, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Event from "../Event.ts"
import { EventBus, EventCapacity, EventSource, type Gap, type SubscribeOptions } from "../EventBus.ts"

class Counted extends Event.Class<Counted>()("test.counted", { publisher: Schema.Int, count: Schema.Int }) {}
class Foreign extends Event.Class<Foreign>()("test.foreign", {}) {}
class Passing extends Event.Class<Passing>()("test.passing", { count: Schema.Int }, { durable: false }) {}
class Ended extends Event.Class<Ended>()("test.ended", {}) {}

type Item = Event.Envelope | Gap
type Test = (
  title: string,
  body: (bus: EventBus["Service"]) => Effect.Effect<void, unknown, Scope.Scope>,
  capacity?: number,
) => void

export const eventBusSuite = (name: string, layer: Layer.Layer<EventBus>): void => {
  describe(name, () => {
    const test: Test = (title, body, capacity = 1024) =>
      it.effect(title, () =>
        Effect.flatMap(EventBus, body).pipe(
          Effect.provide(Layer.provide(Layer.fresh(layer), Layer.succeed(EventCapacity, capacity))),
        ),
      )
    order(test)
    envelopes(test)
    history(test)
    loss(test)
    lives(test)

    it.effect("the streams of a bus end with it", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const bus = Context.get(yield* Layer.buildWithScope(Layer.fresh(layer), scope), EventBus)
        const waiting = yield* Effect.forkScoped(Stream.runCollect(yield* bus.subscribe()), { startImmediately: true })
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      }),
    )

    it.effect("the source is what the host says", () =>
      Effect.gen(function* () {
        const bus = yield* EventBus
        const seen = yield* collect(bus)
        yield* bus.publish(new Ended({}))
        assert.deepStrictEqual(
          (yield* Fiber.join(seen)).map((item) => item._tag === "Envelope" && item.source),
          ["//host/1"],
        )
      }).pipe(Effect.provide(Layer.provide(Layer.fresh(layer), Layer.succeed(EventSource, "//host/1")))),
    )
  })
}

const count = (index: number, publisher = 0) => new Counted({ publisher, count: index })

/** Subscribes now, and collects in a fiber of its own up to `Ended`. */
const collect = (bus: EventBus["Service"], options: SubscribeOptions = {}) =>
  Effect.flatMap(bus.subscribe(options), (stream: Stream.Stream<Item>) =>
    Effect.forkScoped(
      Stream.runCollect(Stream.takeUntil(stream, (item) => item._tag === "Envelope" && item.event._tag === Ended.type)),
    ),
  )

const eventsOf = (items: ReadonlyArray<Item>): ReadonlyArray<Event.AnyEvent> =>
  items.flatMap((item) => (item._tag === "Envelope" ? [item.event] : []))

const gapsOf = (items: ReadonlyArray<Item>): ReadonlyArray<Gap> =>
  items.flatMap((item) => (item._tag === "Gap" ? [item] : []))

const missing = (items: ReadonlyArray<Item>): number =>
  gapsOf(items).reduce((sum, gap) => sum + (gap.missing ?? Number.NaN), 0)

const order = (test: Test): void => {
  test("all subscribers see the events of all publishers in the same order, with sequence numbers without holes", (bus) =>
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

  test("one publication's events stay together and in their order", (bus) =>
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

  test("nothing that is published after subscribing is missed, though nobody has pulled yet", (bus) =>
    Effect.gen(function* () {
      yield* bus.publish(count(0))
      const stream = yield* bus.subscribe()
      yield* bus.publish(count(1))
      yield* bus.publish(count(2))
      const items = yield* Stream.runCollect(Stream.take(stream, 2))
      assert.deepStrictEqual(eventsOf(items), [count(1), count(2)])
    }))

  test("wherever a subscriber is made to yield, it is woken for what was published meanwhile", (bus) =>
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

  test("a subscriber of some types gets those only", (bus) =>
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

  test("a subscriber never runs inside a publication, and may publish itself", (bus) =>
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

const envelopes = (test: Test): void => {
  test("an envelope carries time, revision and cause; a revision holds until the next", (bus) =>
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

  test("an ephemeral event has the cursor of the last durable one and a number of its own", (bus) =>
    Effect.gen(function* () {
      const seen = yield* collect(bus)
      const passing = new Passing({ count: 0 })
      yield* bus.publishAll([passing, count(0), passing, passing, count(1), passing, new Ended({})])
      const places = (yield* Fiber.join(seen)).map(
        (item) => item._tag === "Envelope" && Event.formatCursor(item.cursor).split(":")[1],
      )
      assert.deepStrictEqual(places, ["0.1", "1", "1.1", "1.2", "2", "2.1", "3"])
    }))

  test("the bus knows the place of its newest event", (bus) =>
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

const history = (test: Test): void => {
  test("after each cursor, history joins the live stream without a hole or a repeat", (bus) =>
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

  test("a cursor of another epoch, or from the future, is answered by a Gap and all that is kept", (bus) =>
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

const loss = (test: Test): void => {
  test("100,000 events pass a subscriber that sleeps: the others miss nothing, its Gaps account for every missing one", (bus) =>
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
      // The gaps' ranges and what was delivered tile the order: no event is in both, none in neither.
      assert.deepStrictEqual(withoutGaps(ofAll, all), all)
    }))

  test("a subscriber that is busy but never sleeps misses nothing of a synchronous publisher", (bus) =>
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

  test("what is not delivered of a publication larger than the capacity stands in a Gap", (bus) =>
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
    "events of other types cost a subscriber neither lag nor a Gap",
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

/** The items with every Gap replaced by the events of its range. */
const withoutGaps = (items: ReadonlyArray<Item>, all: ReadonlyArray<Item>): ReadonlyArray<Item> =>
  items.flatMap((item) =>
    item._tag === "Envelope"
      ? [item]
      : all.filter((other) => other._tag === "Envelope" && isWithin(other.cursor, item.from, item.to)),
  )

const isWithin = (cursor: Event.Cursor, from: Event.Cursor, to: Event.Cursor): boolean =>
  place(cursor) >= place(from) && place(cursor) <= place(to)

/** Good for fewer than a million ephemeral events in a row. */
const place = ({ n = 0, sequence }: Event.Cursor): number => sequence * 1_000_000 + n

const lives = (test: Test): void => {
  test("an interrupted subscriber is free at once, and its Scope ends the stream of one that is not", (bus) =>
    Effect.gen(function* () {
      const subscriber = yield* Stream.unwrap(bus.subscribe({ name: "first" })).pipe(
        Stream.runDrain,
        Effect.forkScoped({ startImmediately: true }),
      )
      assert.deepStrictEqual(
        (yield* bus.subscribers).map(({ name }) => name),
        ["first"],
      )
      yield* Fiber.interrupt(subscriber)
      assert.deepStrictEqual(yield* bus.subscribers, [])

      const scope = yield* Scope.make()
      const stream = yield* Scope.provide(bus.subscribe(), scope)
      const waiting = yield* Effect.forkScoped(Stream.runCollect(stream), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [])
      assert.deepStrictEqual(yield* bus.subscribers, [])
    }))

  test("lag is readable for each subscriber, in events and in time", (bus) =>
    Effect.gen(function* () {
      const slow = yield* bus.subscribe({ name: "slow", types: [Counted] })
      yield* Effect.asVoid(bus.subscribe({ types: [Passing] }))
      yield* TestClock.adjust("1 second")
      yield* bus.publishAll([count(1), new Foreign({})])
      yield* TestClock.adjust("2 seconds")
      yield* bus.publish(count(2))
      const [first, second] = yield* bus.subscribers
      assert.deepStrictEqual(first, { name: "slow", types: ["test.counted"], lagEvents: 2, lagMillis: 2000 })
      assert.deepStrictEqual([second?.types, second?.lagEvents, second?.lagMillis], [["test.passing"], 0, 0])
      assert.isAbove(second?.name.length ?? 0, 0)
      yield* Stream.runDrain(Stream.take(slow, 2))
      assert.deepStrictEqual((yield* bus.subscribers)[0]?.lagEvents, 0)
    }))
}
