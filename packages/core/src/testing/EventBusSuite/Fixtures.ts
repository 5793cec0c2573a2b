/** Shared parts of the suite: events to publish, a collecting subscriber, and views of its items. */
import { Effect, Schema, type Scope, Stream } from "effect"
import * as Event from "../../Event.ts"
import type { EventBus, Gap, SubscribeOptions } from "../../EventBus.ts"

export class Counted extends Event.Class<Counted>()("test.counted", { publisher: Schema.Int, count: Schema.Int }) {}
export class Foreign extends Event.Class<Foreign>()("test.foreign", {}) {}
export class Passing extends Event.Class<Passing>()("test.passing", { count: Schema.Int }, { durable: false }) {}
export class Ended extends Event.Class<Ended>()("test.ended", {}) {}

export type Item = Event.Envelope | Gap

/** Declares a test with a bus of its own. */
export type BusTest = (
  title: string,
  body: (bus: EventBus["Service"]) => Effect.Effect<void, unknown, Scope.Scope>,
  capacity?: number,
) => void

export const count = (index: number, publisher = 0) => new Counted({ publisher, count: index })

/** Subscribes now, and collects items in a fiber until `Ended`. */
export const collect = (bus: EventBus["Service"], options: SubscribeOptions = {}) =>
  Effect.flatMap(bus.subscribe(options), (stream: Stream.Stream<Item>) =>
    Effect.forkScoped(
      Stream.runCollect(Stream.takeUntil(stream, (item) => item._tag === "Envelope" && item.event._tag === Ended.type)),
    ),
  )

export const eventsOf = (items: ReadonlyArray<Item>): ReadonlyArray<Event.AnyEvent> =>
  items.flatMap((item) => (item._tag === "Envelope" ? [item.event] : []))

export const gapsOf = (items: ReadonlyArray<Item>): ReadonlyArray<Gap> =>
  items.flatMap((item) => (item._tag === "Gap" ? [item] : []))

/** The number of events that the Gaps count, or `NaN` if one of them has no count. */
export const missing = (items: ReadonlyArray<Item>): number =>
  gapsOf(items).reduce((sum, gap) => sum + (gap.missing ?? Number.NaN), 0)
