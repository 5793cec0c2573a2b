/**
 * All clients that want the same types. One subscription of the bus serves them: what a turn brought is encoded once into one buffer, and
 * written to each of them once. Nobody waits for anybody: a client whose buffers are full leaves the channel and comes back by `catchUp`.
 */
import type { Cursor } from "@signalbox/core/Event"
import type { EventBus } from "@signalbox/core/EventBus"
import { Cause, Clock, Effect, Exit, Pull, Scope, Stream } from "effect"
import type { Client } from "./Client.ts"
import { compareCursors, cursorOf, type Item, type SseEncoder } from "./SseEncoder.ts"

/** How the feed calls itself among the subscribers. */
export const subscriberName = "event feed"

/** What all channels of a feed work with. */
export interface Feed {
  readonly bus: EventBus["Service"]
  readonly encoder: SseEncoder
}

/** Sorted; empty: all. */
export type Types = ReadonlyArray<string>

/** So many events are written to a client that catches up before it must have read them. */
const pieceMaxEvents = 64

export class Channel {
  readonly types: Types
  readonly scope: Scope.Closeable
  /** Everything up to here was given to those who are live. */
  cursor: Cursor
  /** Live or not. */
  readonly clients = new Set<Client>()
  readonly #live = new Set<Client>()

  constructor(types: Types, scope: Scope.Closeable, cursor: Cursor) {
    this.types = types
    this.scope = scope
    this.cursor = cursor
  }

  /** Whether nothing lies between what the client has and what the channel will bring. */
  isCaughtUp({ cursor }: Client): boolean {
    return cursor.epoch === this.cursor.epoch && compareCursors(this.cursor, cursor) <= 0
  }

  /** Only where it is caught up, and in one step with that look. */
  join(client: Client): void {
    client.isCatchingUp = false
    if (client.isOpen) this.#live.add(client)
  }

  leave(client: Client): void {
    this.#live.delete(client)
    this.clients.delete(client)
  }

  has(client: Client): boolean {
    return this.#live.has(client)
  }

  /** Gives these to all who are live. Most get the shared buffer; who joined amid these events gets a part of its own. */
  readonly deliver = (items: ReadonlyArray<Item>, encoder: SseEncoder): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      const [first, last] = [items[0], items.at(-1)]
      if (first === undefined || last === undefined) return
      const shared = yield* encoder.encode(items)
      const now = yield* Clock.currentTimeMillis
      const start = cursorOf(first)
      const end = cursorOf(last)
      const partial: Array<Client> = []
      this.cursor = end
      for (const client of this.#live) {
        if (!client.isOpen || client.isFull) this.#live.delete(client)
        else if (compareCursors(client.cursor, start) < 0) {
          client.cursor = end
          client.write(shared, now)
        } else if (compareCursors(client.cursor, end) < 0) partial.push(client)
      }
      for (const client of partial) yield* this.#deliverRest(client, items, encoder, now)
    })

  #deliverRest(client: Client, items: ReadonlyArray<Item>, encoder: SseEncoder, now: number): Effect.Effect<void> {
    const rest = items.filter((item) => compareCursors(client.cursor, cursorOf(item)) < 0)
    client.cursor = cursorOf(rest.at(-1)!)
    return Effect.map(encoder.encode(rest), (chunk) => client.write(chunk, now))
  }
}

/** A channel that follows the bus until its scope is closed. */
export const openChannel = (types: Types, { bus, encoder }: Feed): Effect.Effect<Channel> =>
  Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    return Effect.gen(function* () {
      const name = `${subscriberName}: ${types.length === 0 ? "all" : types.join(",")}`
      const items = yield* bus.subscribe({ name, ...(types.length === 0 ? {} : { types }) })
      // Read after subscribing: nothing that comes later is missed.
      const channel = new Channel(types, scope, yield* bus.cursor)
      const following = Stream.runForEachArray(items, (some) => channel.deliver(some, encoder))
      yield* Effect.forkScoped(Effect.tapCause(following, (cause) => fail([...channel.clients], cause)))
      return channel
    }).pipe(Scope.provide(scope))
  })

export const closeChannel = ({ scope }: Channel): Effect.Effect<void> => Scope.close(scope, Exit.void)

/**
 * Brings a client to where the channel is: kept history first, a gap where it is gone, in pieces, at the client's own pace; then it is live,
 * with no hole and no repeat.
 */
export const catchUp = (client: Client, channel: Channel, { bus, encoder }: Feed): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { types } = channel
    const name = `${subscriberName}: catching up`
    const items = yield* bus.subscribe({ name, after: client.cursor, ...(types.length === 0 ? {} : { types }) })
    const pull = yield* Stream.toPull(items)
    while (true) {
      const some = yield* pull
      for (let from = 0; from < some.length; from += pieceMaxEvents) {
        const piece = some.slice(from, from + pieceMaxEvents)
        const chunk = yield* encoder.encode(piece)
        client.write(chunk, yield* Clock.currentTimeMillis)
        client.cursor = cursorOf(piece.at(-1)!)
        yield* client.drained
      }
      // The look and the step are one: the channel delivers nothing in between.
      if (channel.isCaughtUp(client)) return channel.join(client)
    }
  }).pipe(
    Effect.scoped,
    // The bus has ended, and with it everything that there is to tell.
    Pull.catchDone(() => Effect.void),
    Effect.tapCause((cause) => fail([client], cause)),
  )

/** A stream that brings nothing more looks like one with nothing to bring: clients that are cut come back where they were. */
const fail = (clients: ReadonlyArray<Client>, cause: Cause.Cause<never>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause)
    ? Effect.void
    : Effect.suspend(() => {
        for (const { response } of clients) response.destroy()
        return Effect.logError(`The event feed has failed; ${clients.length} streams were cut`, cause)
      })
