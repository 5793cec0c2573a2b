/**
 * Encodes events as Server-Sent Events: `id` is the cursor, `event` the type, `data` a CloudEvents object. Each envelope is encoded once,
 * however many clients read it.
 *
 * Ephemeral events have an id as well. A client reconnects with the last `id` of its stream (`Last-Event-ID`). Without an id of its own, an
 * ephemeral event would leave the cursor of the durable event before it, and the client would receive the ephemeral event again.
 */
import { gapName, type WireGap } from "@signalbox/api/EventsGroup"
import { registry } from "@signalbox/api/HostEvents"
import { type AnyEvent, type Cursor, type Envelope, formatCursor } from "@signalbox/core/Event"
import type { Gap } from "@signalbox/core/EventBus"
import { Duration, Effect } from "effect"
import * as Sse from "effect/encoding/Sse"

export type Item = Envelope | Gap

/**
 * A comment, which effect's encoder does not have. It keeps proxies from closing an idle connection and lets a client notice a dead one.
 */
export const heartbeat = Buffer.from(":\n\n")

/**
 * The first bytes of a stream: the cursor to resume from before any event has arrived. Clients dispatch no event for an `id` without `data`, so effect's encoder
 * cannot write it. `retryMillis` is the reconnection time of browsers; other readers may treat it as an error (effect's does).
 */
export const opening = (cursor: Cursor, retryMillis: number | undefined): string => {
  const id = `id: ${formatCursor(cursor)}\n\n`
  if (retryMillis === undefined) return id
  const duration = Duration.millis(retryMillis)
  return Sse.encoder.write(new Sse.Retry({ duration, lastEventId: undefined })) + id
}

/** The cursor that a client has reached once it has read the item. */
export const cursorOf = (item: Item): Cursor => (item._tag === "Gap" ? item.to : item.cursor)

export interface SseEncoder {
  /** Returns one buffer for all items. Omits event types that the registry does not know and logs each such type once. */
  readonly encode: (items: ReadonlyArray<Item>) => Effect.Effect<Buffer>
}

export const makeSseEncoder = (): SseEncoder => {
  const encoded = new WeakMap<Envelope<AnyEvent>, string>()
  const unknown = new Set<string>()

  const encodeEnvelope = (envelope: Envelope): Effect.Effect<string> =>
    Effect.matchEffect(registry.encode(envelope), {
      onFailure: (error) => {
        const type = envelope.event._tag
        if (unknown.has(type)) return Effect.succeed("")
        unknown.add(type)
        return Effect.as(Effect.logError(`The event feed omits ${type}: ${error.message}`), "")
      },
      onSuccess: (event) => Effect.succeed(frame(event.id, event.type, event)),
    })

  const encodeItem = (item: Item): Effect.Effect<string> => {
    if (item._tag === "Gap") return Effect.succeed(frame(formatCursor(item.to), gapName, wireGap(item)))
    const known = encoded.get(item)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(encodeEnvelope(item), (text) => {
      encoded.set(item, text)
      return text
    })
  }

  return { encode: (items) => Effect.map(Effect.forEach(items, encodeItem), (texts) => Buffer.from(texts.join(""))) }
}

const frame = (id: string, event: string, data: object): string =>
  Sse.encoder.write({ _tag: "Event", id, event, data: JSON.stringify(data) })

const wireGap = ({ from, missing, reason, to }: Gap): typeof WireGap.Type => ({
  from: formatCursor(from),
  to: formatCursor(to),
  reason,
  ...(missing === undefined ? {} : { missing }),
})
