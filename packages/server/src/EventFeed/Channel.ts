/**
 * All clients that want the same types. One subscription of the bus serves them: what a turn brought is encoded once into one buffer, and
 * written to each of them once. Nobody waits for anybody: a client whose buffers are full leaves the channel and comes back by `catchUp`.
 */
import type { Cursor } from "@signalbox/core/Event"
import type { EventBus } from "@signalbox/core/EventBus"
import { Clock, Effect, Pull, type Scope, Stream } from "effect"
import type { Client } from "./Client.ts"
import { comparePlaces, type Item, placeOf, type Wire } from "./Wire.ts"

/** Sorted; `undefined`: all. */
export type Types = ReadonlyArray<string> | undefined

/** So many events are written to a client that catches up before it must have read them. */
const pieceMaxEvents = 64

export class Channel {
  readonly types: Types
  /** Everything up to here was given to those who are live. */
  place: Cursor
  readonly #live = new Set<Client>()

  constructor(types: Types, place: Cursor) {
    this.types = types
    this.place = place
  }

  /** Whether nothing lies between what the client has and what the channel will bring. */
  isCaughtUp({ place }: Client): boolean {
    return place.epoch === this.place.epoch && comparePlaces(this.place, place) <= 0
  }

  join(client: Client): void {
    this.#live.add(client)
  }

  leave(client: Client): void {
    this.#live.delete(client)
  }

  has(client: Client): boolean {
    return this.#live.has(client)
  }

  /** Gives these to all who are live. Most get the shared buffer; who joined amid these events gets a part of its own. */
  readonly deliver = (items: ReadonlyArray<Item>, wire: Wire): Effect.Effect<void> =>
    Effect.gen({ self: this }, function* () {
      const [first, last] = [items[0], items.at(-1)]
      if (first === undefined || last === undefined) return
      const shared = yield* wire.encode(items)
      const now = yield* Clock.currentTimeMillis
      const start = placeOf(first)
      const end = placeOf(last)
      const amid: Array<Client> = []
      this.place = end
      for (const client of this.#live) {
        if (!client.isOpen || client.isFull) this.#live.delete(client)
        else if (comparePlaces(client.place, start) < 0) {
          client.place = end
          client.write(shared, now)
        } else if (comparePlaces(client.place, end) < 0) amid.push(client)
      }
      for (const client of amid) yield* this.#deliverRest(client, items, wire, now)
    })

  #deliverRest(client: Client, items: ReadonlyArray<Item>, wire: Wire, now: number): Effect.Effect<void> {
    const rest = items.filter((item) => comparePlaces(client.place, placeOf(item)) < 0)
    client.place = placeOf(rest.at(-1)!)
    return Effect.map(wire.encode(rest), (chunk) => client.write(chunk, now))
  }
}

/** A channel that follows the bus as long as the Scope lasts. */
export const openChannel = (
  types: Types,
  name: string,
  bus: EventBus["Service"],
  wire: Wire,
): Effect.Effect<Channel, never, Scope.Scope> =>
  Effect.gen(function* () {
    const items = yield* bus.subscribe({
      name: `${name}: ${types?.join(",") ?? "all"}`,
      ...(types === undefined ? {} : { types }),
    })
    // Read after subscribing: nothing that comes later is missed.
    const channel = new Channel(types, yield* bus.cursor)
    yield* Effect.forkScoped(Stream.runForEachArray(items, (some) => channel.deliver(some, wire)))
    return channel
  })

export interface CatchingUp {
  readonly bus: EventBus["Service"]
  readonly wire: Wire
  /** How the feed calls itself among the subscribers. */
  readonly name: string
  /** The client's place is none in this bus's order, and the bus must say so. */
  readonly foreign: boolean
}

/**
 * Brings a client to where the channel is: kept history first, a gap where it is gone, in pieces, at the client's own pace; then it is live,
 * with no hole and no repeat.
 */
export const catchUp = (
  client: Client,
  channel: Channel,
  { bus, foreign, name, wire }: CatchingUp,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    // Comparing and joining are one step: the channel delivers nothing in between.
    if (!foreign && channel.isCaughtUp(client)) return channel.join(client)
    const { types } = channel
    const items = yield* bus.subscribe({
      name: `${name}: catching up`,
      after: client.place,
      ...(types && { types }),
    })
    const pull = yield* Stream.toPull(items)
    while (true) {
      const some = yield* pull
      for (let from = 0; from < some.length; from += pieceMaxEvents) {
        const piece = some.slice(from, from + pieceMaxEvents)
        const chunk = yield* wire.encode(piece)
        client.write(chunk, yield* Clock.currentTimeMillis)
        client.place = placeOf(piece.at(-1)!)
        if (client.isFull) yield* drained(client)
      }
      if (channel.isCaughtUp(client)) return channel.join(client)
    }
  }).pipe(
    Effect.scoped,
    // The bus has ended, and with it everything that there is to tell.
    Pull.catchDone(() => Effect.void),
  )

const drained = (client: Client): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (!client.isFull) return resume(Effect.void)
    client.onDrain(() => resume(Effect.void))
    return Effect.sync(() => client.onDrain(undefined))
  })

/** Ends when the client has left the channel because its buffers were full, and has read them. */
export const fallenBehind = (client: Client, channel: Channel): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const look = () => {
      if (!channel.has(client) && !client.isFull) resume(Effect.void)
    }
    client.onDrain(look)
    look()
    return Effect.sync(() => client.onDrain(undefined))
  })
