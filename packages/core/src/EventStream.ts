/** Operators on the streams that `EventBus.subscribe` returns. */
import { Effect, Schema, Stream } from "effect"
import type { AnyEvent, Envelope } from "./Event.ts"
import type { Gap } from "./EventBus.ts"

/**
 * Keeps only the newest event of each key among the events that piled up while the consumer was busy.
 *
 * **Details**
 *
 * Kept events stay in their order. Events without a key (`undefined`) and Gaps are kept.
 *
 * **Gotchas**
 *
 * It works on the chunks of the stream: apply it directly to the stream that `subscribe` returns.
 *
 * **Example** (Keeping the newest position of each train)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { Event, EventBus, EventStream } from "@signalbox/core"
 * import { Effect, Schema, Stream } from "effect"
 *
 * class Moved extends Event.Class<Moved>()("train.moved", { train: Schema.String, to: Schema.Int }) {}
 *
 * const program = Effect.gen(function* () {
 *   const bus = yield* EventBus
 *   const events = yield* bus.subscribe({ types: [Moved] })
 *   yield* bus.publishAll([new Moved({ train: "a", to: 1 }), new Moved({ train: "a", to: 2 })])
 *   const newest = events.pipe(EventStream.coalesce(({ event }) => event.train), Stream.take(1))
 *   return (yield* Stream.runCollect(newest)).map((item) => (item._tag === "Gap" ? item.reason : item.event.to))
 * })
 *
 * deepStrictEqual(await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(EventBus.layer))), [2])
 * ```
 */
export const coalesce =
  <E extends AnyEvent>(key: (envelope: Envelope<E>) => string | undefined) =>
  <Err, R>(stream: Stream.Stream<Envelope<E> | Gap, Err, R>): Stream.Stream<Envelope<E> | Gap, Err, R> =>
    Stream.mapArray(stream, (items) => {
      const newest = new Map<string, Envelope<E> | Gap>()
      const keys = items.map((item) => (item._tag === "Gap" ? undefined : key(item)))
      items.forEach((item, index) => {
        const at = keys[index]
        if (at !== undefined) newest.set(at, item)
      })
      const [first, ...rest] = items.filter((item, index) => {
        const at = keys[index]
        return at === undefined || newest.get(at) === item
      })
      return first === undefined ? items : [first, ...rest]
    })

/** The subscriber lagged more than it may. Its stream lacks the events that it had not taken. */
export class SubscriberLagging extends Schema.TaggedError<SubscriberLagging>()("SubscriberLagging", {
  lagEvents: Schema.Int,
  maxEvents: Schema.Int,
}) {
  override get message(): string {
    return `The subscriber is ${this.lagEvents} events behind, at most ${this.maxEvents} are allowed: subscribe again after the last cursor.`
  }
}

/**
 * Fails with `SubscriberLagging` when more than `maxEvents` have piled up between two pulls, or any event was lost.
 *
 * **Gotchas**
 *
 * Events that exist at the first pull do not count, because they may be history. Apply it directly to the stream that `subscribe` returns.
 *
 * **Example** (Ending a subscription that lags)
 *
 * ```ts
 * import { EventBus, EventStream } from "@signalbox/core"
 * import { Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const bus = yield* EventBus
 *   const events = yield* bus.subscribe()
 *   yield* Stream.runDrain(events.pipe(EventStream.failWhenLagging(100))).pipe(
 *     Effect.catchTag("SubscriberLagging", ({ message }) => Effect.logWarning(message)),
 *     Effect.forkScoped,
 *   )
 * })
 *
 * await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(EventBus.layer)))
 * ```
 */
export const failWhenLagging =
  (maxEvents: number) =>
  <E extends AnyEvent, Err, R>(
    stream: Stream.Stream<Envelope<E> | Gap, Err, R>,
  ): Stream.Stream<Envelope<E> | Gap, Err | SubscriberLagging, R> =>
    Stream.suspend(() => {
      let isFirst = true
      return Stream.mapArrayEffect(stream, (items) => {
        const lost = items.reduce((sum, item) => sum + (isSlow(item) ? (item.missing ?? 0) : 0), 0)
        const lagEvents = lost + items.filter((item) => item._tag === "Envelope").length
        const isLagging = lost > 0 || (!isFirst && lagEvents > maxEvents)
        isFirst = false
        return isLagging ? Effect.fail(new SubscriberLagging({ lagEvents, maxEvents })) : Effect.succeed(items)
      })
    })

const isSlow = (item: Envelope | Gap): item is Gap => item._tag === "Gap" && item.reason === "slow"
