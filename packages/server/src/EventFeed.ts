/**
 * The event feed over Server-Sent Events: `GET /api/events`. All clients see the same order. A client with a cursor first receives the history after
 * it, then live events, without a hole or a repeat; a `gap` reports lost events. A client that does not read costs its socket's buffers (64 KiB and
 * one chunk in Node, plus the kernel's), delays no other client, and is disconnected after a minute.
 */

import type { ServerResponse } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { registry } from "@signalbox/api/HostEvents"
import { Invalid, TooManyStreams } from "@signalbox/api/Problems"
import { type Cursor, compareCursors, parseCursor } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Clock, Context, Duration, Effect, FiberSet, Layer, Result, Schedule } from "effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type Channel, catchUp, closeChannel, type Feed, openChannel } from "./internal/EventFeed/Channel.ts"
import { Client, keepOpen } from "./internal/EventFeed/Client.ts"
import { heartbeat, makeSseEncoder, opening } from "./internal/EventFeed/SseEncoder.ts"
import { EndlessResponse, Stopping } from "./internal/Stopping.ts"

/** The maximum number of open streams, 2,000 by default. Further requests get `TooManyStreams`. Read when the feed is built. */
export const MaxStreams: Context.Reference<number> = Context.Reference("@signalbox/server/EventFeed/MaxStreams", {
  defaultValue: () => 2_000,
})

const heartbeatEvery = Duration.seconds(15)
/** A client that has read nothing for this time is disconnected. */
const readTimeout = Duration.seconds(60)
/** The reconnection time of browsers. */
const retryMillis = 2_000

/** The query of a client, not yet validated. */
export interface FollowOptions {
  /** Comma-separated event types. Default: all. */
  readonly types?: string | undefined
  /** A cursor: the feed starts with the history after it. */
  readonly after?: string | undefined
}

/**
 * The open event streams of a host.
 *
 * **Example** (Counting the open streams)
 *
 * ```ts
 * import { EventBus } from "@signalbox/core/EventBus"
 * import { EventFeed } from "@signalbox/server/EventFeed"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.flatMap(EventFeed, (feed) => feed.streams).pipe(
 *   Effect.provide(EventFeed.layer.pipe(Layer.provide(EventBus.layer))),
 * )
 *
 * await Effect.runPromise(program) // => 0
 * ```
 */
export class EventFeed extends Context.Service<
  EventFeed,
  {
    /**
     * Streams events until the client leaves or the feed ends. Fails with `Invalid` for an unknown type or an invalid cursor, and with
     * `TooManyStreams` if `MaxStreams` are open.
     *
     * **Details**
     *
     * Returns the response headers. The server writes them, and the stream begins where the server would end the response. The request's
     * fiber is over by then.
     */
    readonly follow: (
      request: HttpServerRequest,
      options: FollowOptions,
    ) => Effect.Effect<HttpServerResponse.HttpServerResponse, Invalid | TooManyStreams>
    /** The number of open streams. */
    readonly streams: Effect.Effect<number>
    /** Ends all streams and refuses new ones. A host does this first when it stops, because a closing server waits for its responses. */
    readonly end: Effect.Effect<void>
  }
>()("@signalbox/server/EventFeed") {
  /** Ends with its Scope, and earlier when the host stops (`Stopping`): the server would wait for the streams before it closes the Scope. */
  static readonly layer: Layer.Layer<EventFeed, never, EventBus> = Layer.effect(
    EventFeed,
    Effect.suspend(() => make),
  )
}

const make = Effect.gen(function* () {
  const bus = yield* EventBus
  const maxStreams = yield* MaxStreams
  const markEndless = yield* EndlessResponse
  const feed: Feed = { bus, encoder: makeSseEncoder() }
  const clients = new Set<Client>()
  const channels = new Map<string, Channel>()
  const run = yield* FiberSet.makeRuntime<never>()
  let ended = false

  const end = Effect.sync(() => {
    ended = true
    for (const client of [...clients]) client.end()
  })
  yield* Effect.addFinalizer(() => Effect.andThen(end, Effect.forEach(channels.values(), closeChannel)))
  const stopping = yield* Stopping
  yield* Effect.forkScoped(Effect.andThen(stopping, end))
  yield* Effect.forkScoped(Effect.repeat(sendHeartbeats(clients), Schedule.spaced(heartbeatEvery)))

  /** Synchronous: between two steps, the channel's last client could leave and close the channel. */
  const register = (channel: Channel, response: ServerResponse, cursor: Cursor): Follower => {
    const onClose = (client: Client) => {
      clients.delete(client)
      channel.leave(client)
      if (channel.clients.size > 0) return
      channels.delete(channel.types.join(","))
      run(closeChannel(channel))
    }
    const client = new Client(response, cursor, {
      onDrain: (client) => {
        if (!channel.has(client) && !client.isCatchingUp) proceed({ client, channel })
      },
      onClose,
    })
    clients.add(client)
    channel.clients.add(client)
    // The client left while its channel was opened, so `close` will not be emitted again.
    if (response.destroyed) onClose(client)
    return { client, channel }
  }

  const admit = (types: ReadonlyArray<string>, response: ServerResponse, cursor: Cursor) =>
    Effect.suspend((): Effect.Effect<Follower, TooManyStreams> => {
      const full = ended ? stoppingDetail : clients.size >= maxStreams ? fullDetail(maxStreams) : undefined
      if (full !== undefined) return new TooManyStreams({ detail: full })
      const key = types.join(",")
      const known = channels.get(key)
      if (known !== undefined) return Effect.succeed(register(known, response, cursor))
      return Effect.flatMap(openChannel(types, feed), (channel) => {
        const other = channels.get(key)
        if (other !== undefined) return Effect.as(closeChannel(channel), register(other, response, cursor))
        channels.set(key, channel)
        return Effect.succeed(register(channel, response, cursor))
      })
    })

  const proceed = ({ channel, client }: Follower, isForeign = false): void => {
    if (!client.isOpen) return
    if (!isForeign && channel.isCaughtUp(client)) channel.join(client)
    else {
      client.isCatchingUp = true
      client.fiber = run(catchUp(client, channel, feed))
    }
  }

  const follow: EventFeed["Service"]["follow"] = Effect.fn("EventFeed.follow")(function* (request, options) {
    const types = yield* Effect.fromResult(readTypes(options.types))
    const after = yield* Effect.fromResult(readCursor(request, options.after))
    const head = HttpServerResponse.empty({ status: 200, headers })
    if (request.method === "HEAD") return head
    const newest = yield* bus.cursor
    const response = NodeHttpServerRequest.toServerResponse(request) as ServerResponse
    if (response.destroyed) return head
    // Uninterruptible: a channel without a client would never be closed.
    const follower = yield* Effect.uninterruptible(admit(types, response, after ?? newest))
    // The bus reports a cursor of another epoch, or one that it has not reached, as a gap.
    const isForeign = after !== undefined && (after.epoch !== newest.epoch || compareCursors(after, newest) > 0)
    markEndless(response)
    const isBrowser = request.headers["accept"]?.includes("text/event-stream") === true
    keepOpen(response, () => {
      const { client } = follower
      client.write(opening(client.cursor, isBrowser ? retryMillis : undefined), 0)
      proceed(follower, isForeign)
    })
    return head
  })

  return EventFeed.of({ follow, streams: Effect.sync(() => clients.size), end })
})

interface Follower {
  readonly client: Client
  readonly channel: Channel
}

const stoppingDetail = "The host is stopping. Reconnect when it has started again."
const fullDetail = (limit: number) =>
  `${limit} event streams are open, the maximum. Close one of them, or try again later.`

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  // The stream is the last response on its connection, so a closing server need not wait for another request.
  connection: "close",
}

/** Sends a heartbeat to every client, and disconnects clients that have not read for too long. */
const sendHeartbeats = (clients: ReadonlySet<Client>) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    let closed = 0
    for (const client of clients) {
      if (!client.isOpen || !client.response.headersSent) continue
      if (!client.isFull) client.write(heartbeat, now)
      else if (client.fullSince !== undefined && now - client.fullSince >= Duration.toMillis(readTimeout)) {
        closed++
        client.response.destroy()
      }
    }
    return closed === 0 ? Effect.void : Effect.logInfo(`Closed ${closed} event streams that were not read for a minute`)
  })

const readTypes = (text: string | undefined): Result.Result<ReadonlyArray<string>, Invalid> => {
  if (text === undefined) return Result.succeed([])
  const types = [...new Set(text.split(",").map((type) => type.trim()))].filter((type) => type !== "").toSorted()
  const unknown = types.find((type) => !registry.types.includes(type))
  if (unknown === undefined && types.length > 0) return Result.succeed(types)
  const detail =
    unknown === undefined
      ? "`types` is empty. Omit it for all events, or name some."
      : `\`types\` contains an unknown event type${didYouMean(nearNames(unknown, registry.types))}. Known types: ${registry.types.join(", ")}.`
  return Result.fail(new Invalid({ detail }))
}

/** `Last-Event-ID` takes precedence: a browser that reconnects sends it with the original URL. */
const readCursor = (
  request: HttpServerRequest,
  after: string | undefined,
): Result.Result<Cursor | undefined, Invalid> => {
  const last = request.headers["last-event-id"]
  const text = last === undefined || last === "" ? after : last
  if (text === undefined) return Result.succeed(undefined)
  const detail =
    "`after` and Last-Event-ID must be cursors (`epoch:sequence`): an `id` of the feed, or the `cursor` of a state."
  return Result.fromOption(parseCursor(text), () => new Invalid({ detail }))
}
