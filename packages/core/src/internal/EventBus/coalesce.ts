import { Stream } from "effect"
import type { AnyEvent, Envelope } from "../../Event.ts"
import type { Gap } from "./Gap.ts"

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
