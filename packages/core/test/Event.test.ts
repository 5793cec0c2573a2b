import { assert, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, type Gap } from "@signalbox/core/EventBus"
import { type Effect, Schema, type Scope, type Stream } from "effect"
import { expectTypeOf } from "vitest"

class RouteMoved extends Event.Class<RouteMoved>()("route.moved", { route: Schema.String, hops: Schema.Int }) {}
class Ticked extends Event.Class<Ticked>()("clock.ticked", { at: Schema.Int }, { durable: false }) {}

it("an event class carries its declaration", () => {
  const moved = new RouteMoved({ route: "a", hops: 1 })
  const tag: "route.moved" = moved._tag
  const type: "route.moved" = RouteMoved.type
  assert.strictEqual(tag, type)
  assert.strictEqual(RouteMoved.version, 1)
  assert.isTrue(RouteMoved.durable)
  assert.isFalse(Event.isEphemeral(moved))
  assert.isTrue(Event.isEphemeral(new Ticked({ at: 1 })))
})
it("a subscription's elements are typed by the classes it names", () => {
  const bus = EventBus.use((bus) => bus.subscribe({ types: [RouteMoved, Ticked] }))
  expectTypeOf(bus).toEqualTypeOf<
    Effect.Effect<Stream.Stream<Event.Envelope<RouteMoved | Ticked> | Gap>, never, EventBus | Scope.Scope>
  >()
  const all = EventBus.use((bus) => bus.subscribe())
  expectTypeOf(all).toEqualTypeOf<Effect.Effect<Stream.Stream<Event.Envelope | Gap>, never, EventBus | Scope.Scope>>()
})
