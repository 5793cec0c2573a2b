/** What to do with a subscriber that does not follow fast enough, as operators on its stream. */
import { Effect, Schema, Stream } from "effect"
import type { AnyEvent, Envelope } from "../../Event.ts"
import type { Gap } from "./Gap.ts"

/** The subscriber was further behind than it may be. What it had not taken is not in the stream. */
export class SubscriberLagging extends Schema.TaggedError<SubscriberLagging>()("SubscriberLagging", {
  lagEvents: Schema.Int,
  maxEvents: Schema.Int,
}) {
  override get message(): string {
    return `The subscriber is ${this.lagEvents} events behind, at most ${this.maxEvents} are allowed: subscribe again, after the last cursor.`
  }
}

/**
 * Keeps only the newest event of each key among those that piled up while the consumer was busy, in the order of what is kept; events
 * without a key (`undefined`) and Gaps stay. It works on the stream's own chunks: apply it directly to what `subscribe` gives.
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

/**
 * Fails with `SubscriberLagging` when the consumer comes back for more and more than `maxEvents` have piled up, or any was lost. What is
 * there at its first pull, which may be history, does not count. Apply it directly to what `subscribe` gives.
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
