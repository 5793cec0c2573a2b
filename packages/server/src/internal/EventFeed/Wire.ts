/**
 * Events as Server-Sent Events (WHATWG HTML, "Server-sent events"): `id` the cursor, `event` the type, `data` a CloudEvents object. Each
 * envelope is encoded once, whoever reads it and however often.
 *
 * Ephemeral events carry an id too. `Last-Event-ID` is the last `id` that a stream has set: without one of their own a client that comes back
 * after an ephemeral event would name the durable one before it, and get the ephemeral ones again. The bus knows places after both.
 */
import { gapName, type WireGap } from "@signalbox/api/EventsGroup"
import { registry } from "@signalbox/api/HostEvents"
import { type AnyEvent, type Cursor, type Envelope, formatCursor } from "@signalbox/core/Event"
import type { Gap } from "@signalbox/core/EventBus"
import { Effect } from "effect"

export type Item = Envelope | Gap

/** A comment: it keeps proxies from closing an idle connection and lets a client notice a dead one. */
export const heartbeat = Buffer.from(":\n\n")

/**
 * The head of a stream: a place to come back to before there was any event. With `retry` the time after which a browser comes back; readers
 * that are no `EventSource` may take that for an error (Effect's do).
 */
export const opening = (place: Cursor, retryMillis: number | undefined): string =>
  `${retryMillis === undefined ? "" : `retry: ${retryMillis}\n`}id: ${formatCursor(place)}\n\n`

/** Everything up to it has been told by this item. */
export const placeOf = (item: Item): Cursor => (item._tag === "Gap" ? item.to : item.cursor)

/** Negative where `a` comes before `b`; both of one epoch. */
export const comparePlaces = (a: Cursor, b: Cursor): number => a.sequence - b.sequence || (a.n ?? 0) - (b.n ?? 0)

export interface Wire {
  /** One buffer for all of them. What the registry does not know is left out and said in the log, once for each type. */
  readonly encode: (items: ReadonlyArray<Item>) => Effect.Effect<Buffer>
}

export const makeWire = (): Wire => {
  const encoded = new WeakMap<Envelope<AnyEvent>, string>()
  const unknown = new Set<string>()

  const encodeEnvelope = (envelope: Envelope): Effect.Effect<string> =>
    Effect.matchEffect(registry.encode(envelope), {
      onFailure: (error) => {
        const type = envelope.event._tag
        if (unknown.has(type)) return Effect.succeed("")
        unknown.add(type)
        return Effect.as(Effect.logError(`The event feed leaves out ${type}: ${error.message}`), "")
      },
      onSuccess: (event) => Effect.succeed(block(event.id, event.type, JSON.stringify(event))),
    })

  const encodeOne = (item: Item): Effect.Effect<string> => {
    if (item._tag === "Gap") return Effect.succeed(block(formatCursor(item.to), gapName, JSON.stringify(wireGap(item))))
    const known = encoded.get(item)
    if (known !== undefined) return Effect.succeed(known)
    return Effect.map(encodeEnvelope(item), (text) => {
      encoded.set(item, text)
      return text
    })
  }

  return { encode: (items) => Effect.map(Effect.forEach(items, encodeOne), (texts) => Buffer.from(texts.join(""))) }
}

const block = (id: string, event: string, data: string): string => `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`

const wireGap = ({ from, missing, reason, to }: Gap): typeof WireGap.Type => ({
  from: formatCursor(from),
  to: formatCursor(to),
  reason,
  ...(missing === undefined ? {} : { missing }),
})
