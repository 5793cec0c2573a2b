/**
 * A channel serves all clients that follow the same event types from one subscription of the bus: each batch is encoded once into one buffer and written
 * once to each client. Clients never wait for each other: one with full buffers leaves the live clients and rejoins through `catchUp`.
 */
import { type Cursor, compareCursors } from "@signalbox/core/Event"
import type { EventBus } from "@signalbox/core/EventBus"
import { Cause, Clock, Effect, Exit, Pull, Scope, Stream } from "effect"
import type { Client } from "./Client.ts"
import { cursorOf, type Item, type SseEncoder } from "./SseEncoder.ts"

/** The prefix of the feed's names among the subscribers of the bus. */
export const subscriberName = "event feed"

/** Shared by all channels of a feed. */
export interface Feed {
  readonly bus: EventBus["Service"]
  readonly encoder: SseEncoder
}

/** Sorted; empty means all types. */
export type Types = ReadonlyArray<string>

/** A client that catches up must read this many events before it receives more. */
const pieceMaxEvents = 64

export class Channel {
  readonly types: Types
  readonly scope: Scope.Closeable
  /** The live clients have received everything up to here. */
  cursor: Cursor
  /** All clients, live or catching up. */
  readonly clients = new Set<Client>()
  readonly #live = new Set<Client>()

  constructor(types: Types, scope: Scope.Closeable, cursor: Cursor) {
    this.types = types
    this.scope = scope
    this.cursor = cursor
  }

  /** Whether the client has received everything before the channel's next event. */
  isCaughtUp({ cursor }: Client): boolean {
    return cursor.epoch === this.cursor.epoch && compareCursors(this.cursor, cursor) <= 0
  }

  /** Makes a client live. Requires `isCaughtUp`, in the same synchronous step. */
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

  /** Sends the items to all live clients. Most receive the shared buffer; a client that joined amid these items receives its own part. */
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

/** Opens a channel that follows the bus until its scope is closed. */
export const openChannel = (types: Types, { bus, encoder }: Feed): Effect.Effect<Channel> =>
  Effect.suspend(() => {
    const scope = Scope.makeUnsafe()
    return Effect.gen(function* () {
      const name = `${subscriberName}: ${types.length === 0 ? "all" : types.join(",")}`
      const items = yield* bus.subscribe({ name, ...(types.length === 0 ? {} : { types }) })
      // Read after subscribing, so that no later event is missed.
      const channel = new Channel(types, scope, yield* bus.cursor)
      const following = Stream.runForEachArray(items, (batch) => channel.deliver(batch, encoder))
      yield* Effect.forkScoped(Effect.tapCause(following, (cause) => fail([...channel.clients], cause)))
      return channel
    }).pipe(Scope.provide(scope))
  })

export const closeChannel = ({ scope }: Channel): Effect.Effect<void> => Scope.close(scope, Exit.void)

/**
 * Sends a client the history up to the channel's cursor, with a gap for pruned events, in pieces and at the client's pace. Then the client is live,
 * without a hole or a repeat.
 */
export const catchUp = (client: Client, channel: Channel, { bus, encoder }: Feed): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { types } = channel
    const name = `${subscriberName}: catching up`
    const items = yield* bus.subscribe({ name, after: client.cursor, ...(types.length === 0 ? {} : { types }) })
    const pull = yield* Stream.toPull(items)
    while (true) {
      const batch = yield* pull
      for (let from = 0; from < batch.length; from += pieceMaxEvents) {
        const piece = batch.slice(from, from + pieceMaxEvents)
        const chunk = yield* encoder.encode(piece)
        client.write(chunk, yield* Clock.currentTimeMillis)
        client.cursor = cursorOf(piece.at(-1)!)
        yield* client.drained
      }
      // Synchronous: the channel delivers nothing between the check and the join.
      if (channel.isCaughtUp(client)) return channel.join(client)
    }
  }).pipe(
    Effect.scoped,
    // The bus has ended.
    Pull.catchDone(() => Effect.void),
    Effect.tapCause((cause) => fail([client], cause)),
  )

/** Disconnects the clients, which then resume: an open stream without events would look idle. */
const fail = (clients: ReadonlyArray<Client>, cause: Cause.Cause<never>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause)
    ? Effect.void
    : Effect.suspend(() => {
        for (const { response } of clients) response.destroy()
        return Effect.logError(`The event feed failed, and ${clients.length} streams were closed`, cause)
      })
