/** Ends a subscription that does not keep up. */
import { Effect, Schema, Stream } from "effect"
import type { AnyEvent, Envelope } from "../../Event.ts"
import type { Gap } from "./Gap.ts"

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
