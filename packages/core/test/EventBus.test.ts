import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, EventCapacity, type Gap, type SubscribeOptions } from "@signalbox/core/EventBus"
import { eventBusSuite } from "@signalbox/core/testing/EventBusSuite"
import { Clock, Context, Effect, Exit, Fiber, Layer, Random, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { BusState } from "../src/internal/EventBus/BusState.ts"

eventBusSuite("EventBus.layer", EventBus.layer)

class Moved extends Event.Class<Moved>()("route.moved", { route: Schema.String, hops: Schema.Int }) {}
class Closed extends Event.Class<Closed>()("route.closed", { hops: Schema.Int }) {}
class Ticked extends Event.Class<Ticked>()("clock.ticked", { hops: Schema.Int }, { durable: false }) {}

type Item = Event.Envelope | Gap

const busOf = (capacity: number) => Layer.provide(Layer.fresh(EventBus.layer), Layer.succeed(EventCapacity, capacity))
const moved = (hops: number, route = "a") => new Moved({ route, hops })
const hopsOf = (items: ReadonlyArray<Item>): ReadonlyArray<unknown> =>
  items.map((item) => (item._tag === "Gap" ? item.missing : Reflect.get(item.event, "hops")))

/** Takes the items that a new subscriber with these options gets at once. */
const joined = (bus: EventBus["Service"], options: SubscribeOptions) =>
  Effect.scoped(
    Effect.flatten(Effect.flatMap(bus.subscribe(options), (stream: Stream.Stream<Item>) => Stream.toPull(stream))),
  )

describe("EventBus in memory", () => {
  it.effect("delivers a Gap first for lost history, and none if it had no events of the selected types", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const { epoch } = yield* bus.cursor
      yield* bus.publishAll([new Closed({ hops: 1 }), moved(2), moved(3), moved(4), moved(5), moved(6)])
      const after = { epoch, sequence: 1 }
      const [all] = yield* joined(bus, { after: { epoch, sequence: 0 } })
      assert.deepInclude(all, {
        from: { epoch, sequence: 1 },
        to: { epoch, sequence: 2 },
        reason: "pruned",
        missing: 2,
      })
      const some = yield* joined(bus, { after, types: [Moved] })
      assert.deepInclude(some[0], { from: { epoch, sequence: 2 }, to: { epoch, sequence: 2 }, reason: "pruned" })
      const closed = yield* bus.subscribe({ after, types: [Closed] })
      yield* bus.publish(new Closed({ hops: 7 }))
      assert.deepStrictEqual(hopsOf(yield* Stream.runCollect(Stream.take(closed, 1))), [7])
    }).pipe(Effect.provide(busOf(4))),
  )

  it.effect("continues after the ephemeral event of a cursor with n", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      yield* bus.publishAll([moved(1), new Ticked({ hops: 2 })])
      const after = yield* bus.cursor
      yield* bus.publishAll([new Ticked({ hops: 3 }), moved(4)])
      assert.deepStrictEqual(hopsOf(yield* joined(bus, { after })), [3, 4])
      assert.deepStrictEqual(hopsOf(yield* joined(bus, { after: { epoch: after.epoch, sequence: 1 } })), [2, 3, 4])
    }).pipe(Effect.provide(busOf(8))),
  )

  it.effect("reports the time since the last take as the lag of a subscriber that lost events", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      yield* Effect.asVoid(bus.subscribe())
      yield* TestClock.adjust("1 minute")
      for (let index = 0; index < 10; index++) yield* bus.publish(moved(index))
      const [subscriber] = yield* bus.subscribers
      assert.deepStrictEqual([subscriber?.lagEvents, subscriber?.lagMillis], [10, 60_000])
    }).pipe(Effect.provide(busOf(4))),
  )

  it.effect("draws a random epoch for each bus, which a seed repeats", () =>
    Effect.gen(function* () {
      const epoch = Effect.map(
        EventBus.use((bus) => bus.cursor),
        (cursor) => cursor.epoch,
      ).pipe(Effect.provide(busOf(4)))
      const first = yield* epoch
      assert.notStrictEqual(first, yield* epoch)
      assert.match(first, /^[\w-]{14}$/)
      assert.strictEqual(yield* Random.withSeed(epoch, "x"), yield* Random.withSeed(epoch, "x"))
    }),
  )

  it.live("reads the system clock once per turn", () => {
    let readings = 0
    const system = Context.get(Context.empty(), Clock.Clock)
    const { currentTimeMillisUnsafe } = system
    return Effect.gen(function* () {
      const bus = yield* EventBus
      const seen = yield* bus.subscribe()
      yield* Effect.yieldNow
      system.currentTimeMillisUnsafe = () => ++readings
      for (let index = 0; index < 5; index++) yield* bus.publish(moved(index))
      yield* Effect.yieldNow
      yield* bus.publish(moved(5))
      system.currentTimeMillisUnsafe = currentTimeMillisUnsafe
      const times = (yield* Stream.runCollect(Stream.take(seen, 6))).map(
        (item) => item._tag === "Envelope" && item.time,
      )
      assert.deepStrictEqual(times, [1, 1, 1, 1, 1, 2])
    }).pipe(Effect.provide(busOf(64)))
  })

  it("keeps no reference to an ended subscription", async () => {
    const state = new BusState({
      epoch: "e",
      capacity: 4,
      source: "s",
      clock: Context.get(Context.empty(), Clock.Clock),
    })
    const leave = () => {
      const left = [undefined, ["route.moved", "route.closed"]].map((types) =>
        state.subscribe(types, undefined, undefined),
      )
      for (const subscription of left) state.end(subscription)
      return left.map((subscription) => new WeakRef(subscription))
    }
    const left = leave()
    // A WeakRef keeps its target alive until the end of the turn in which it was created.
    await new Promise(setImmediate)
    setFlagsFromString("--expose-gc")
    runInNewContext("gc")()
    assert.deepStrictEqual(
      left.map((reference) => reference.deref()),
      [undefined, undefined],
    )
  })

  it("drops a type that was never published with its last subscriber", () => {
    const state = new BusState({
      epoch: "e",
      capacity: 4,
      source: "s",
      clock: Context.get(Context.empty(), Clock.Clock),
    })
    state.publish(moved(1), undefined, undefined)
    const strangers = Array.from({ length: 100 }, (_, index) =>
      state.subscribe([`asked.by.${index}`, "asked.by.all", "route.moved"], undefined, undefined),
    )
    assert.strictEqual(state.types, 102)
    const [last, ...others] = strangers
    for (const stranger of others) state.end(stranger)
    assert.strictEqual(state.types, 3)
    if (last !== undefined) state.end(last)
    assert.strictEqual(state.types, 1)
  })

  it.effect("survives an invalid cursor of one subscriber", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const { epoch } = yield* bus.cursor
      yield* bus.publish(moved(0))
      const odd = yield* bus.subscribe({ after: { epoch, sequence: 0.5 } })
      const other = yield* Effect.forkScoped(Stream.runCollect(Stream.take(yield* bus.subscribe(), 2)))
      for (let index = 1; index <= 10; index++) yield* bus.publish(moved(index))
      assert.deepStrictEqual(hopsOf(yield* Stream.runCollect(Stream.take(odd, 2))), [7, 7])
      assert.strictEqual((yield* Fiber.join(other)).length, 2)
    }).pipe(Effect.provide(busOf(4))),
  )

  it.effect("dies with the subscription's name if it has two consumers", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const stream = yield* bus.subscribe({ name: "mine" })
      yield* Effect.forkScoped(Stream.runDrain(stream), { startImmediately: true })
      const exit = yield* Effect.exit(Stream.runDrain(stream))
      assert.isTrue(Exit.hasDies(exit))
      assert.include(String(exit), "mine")
    }).pipe(Effect.provide(busOf(4))),
  )
})
