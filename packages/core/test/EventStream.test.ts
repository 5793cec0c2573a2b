import { assert, describe, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, EventCapacity, type Gap } from "@signalbox/core/EventBus"
import * as EventStream from "@signalbox/core/EventStream"
import { Effect, Layer, Schema, Stream } from "effect"

class Moved extends Event.Class<Moved>()("route.moved", { route: Schema.String, hops: Schema.Int }) {}
class Closed extends Event.Class<Closed>()("route.closed", { hops: Schema.Int }) {}

const busOf = (capacity: number) => Layer.provide(Layer.fresh(EventBus.layer), Layer.succeed(EventCapacity, capacity))
const moved = (hops: number, route = "a") => new Moved({ route, hops })
const hopsOf = (items: ReadonlyArray<Event.Envelope | Gap>): ReadonlyArray<unknown> =>
  items.map((item) => (item._tag === "Gap" ? item.missing : Reflect.get(item.event, "hops")))

describe("EventStream.coalesce", () => {
  it.effect("keeps every Gap and the newest event of each key among those that piled up", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const stream = (yield* bus.subscribe({ types: [Moved, Closed] })).pipe(
        EventStream.coalesce(({ event }) => (event._tag === "route.moved" ? event.route : undefined)),
      )
      const pull = yield* Stream.toPull(stream)
      yield* bus.publishAll([
        moved(1, "a"),
        new Closed({ hops: 2 }),
        moved(3, "b"),
        moved(4, "a"),
        new Closed({ hops: 5 }),
      ])
      assert.deepStrictEqual(hopsOf(yield* pull), [2, 3, 4, 5])
      yield* bus.publishAll(Array.from({ length: 10 }, (_, index) => moved(index, index % 2 === 0 ? "a" : "b")))
      assert.deepStrictEqual(hopsOf(yield* pull), [2, 8, 9])
    }).pipe(Effect.provide(busOf(8))),
  )
})

describe("EventStream.failWhenLagging", () => {
  it.effect("fails when too many events piled up, history excepted", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const after = yield* bus.cursor
      yield* bus.publishAll([1, 2, 3, 4].map((hops) => moved(hops)))
      const pull = yield* Stream.toPull(EventStream.failWhenLagging(2)(yield* bus.subscribe({ after })))
      assert.deepStrictEqual(hopsOf(yield* pull), [1, 2, 3, 4])
      yield* bus.publishAll([moved(5), moved(6)])
      assert.deepStrictEqual(hopsOf(yield* pull), [5, 6])
      yield* bus.publishAll([moved(7), moved(8), moved(9)])
      const error = yield* Effect.flip(pull)
      assert.deepInclude(error, { _tag: "SubscriberLagging", lagEvents: 3, maxEvents: 2 })
    }).pipe(Effect.provide(busOf(8))),
  )

  it.effect("fails when an event was lost", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const pull = yield* Stream.toPull(EventStream.failWhenLagging(100)(yield* bus.subscribe()))
      yield* bus.publishAll([1, 2, 3, 4, 5].map((hops) => moved(hops)))
      assert.deepInclude(yield* Effect.flip(pull), { _tag: "SubscriberLagging", lagEvents: 5 })
    }).pipe(Effect.provide(busOf(4))),
  )
})
