/**
 * The feed of events over Server-Sent Events: `GET /api/events`. One order for everybody, history first where a client names its place, then
 * live, without a hole or a repeat; what is lost is said by a `gap`. A client that does not read costs what stands in its socket's buffers
 * (Node's 64 KiB and one chunk, the kernel's beside it), slows nobody down, and is cut after a minute.
 */

import type { ServerResponse } from "node:http"
import * as NodeHttpServerRequest from "@effect/platform-node/NodeHttpServerRequest"
import { registry } from "@signalbox/api/HostEvents"
import { Invalid, TooManyStreams } from "@signalbox/api/Problems"
import { type Cursor, parseCursor } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { Clock, Context, Duration, Effect, FiberSet, Layer, Result, Schedule } from "effect"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { type Channel, catchUp, closeChannel, type Feed, openChannel } from "./internal/EventFeed/Channel.ts"
import { Client, keepOpen } from "./internal/EventFeed/Client.ts"
import { compareCursors, heartbeat, makeSseEncoder, opening } from "./internal/EventFeed/SseEncoder.ts"
import { EndlessResponse, Stopping } from "./internal/Stopping.ts"

/** At most so many streams at once, 2,000 by default; then `TooManyStreams`. Read when the feed is built. */
export const MaxStreams: Context.Reference<number> = Context.Reference("@signalbox/server/EventFeed/MaxStreams", {
  defaultValue: () => 2_000,
})

const heartbeatEvery = Duration.seconds(15)
/** A client that has not read for so long is cut. */
const readTimeout = Duration.seconds(60)
/** After this a browser comes back. */
const retryMillis = 2_000

/** What a client asks for, as it spells it. */
export interface FollowOptions {
  /** Comma-separated types; all without it. */
  readonly types?: string | undefined
  /** A cursor: kept history after it first. */
  readonly after?: string | undefined
}

/** The streams of a host. `Invalid`: an unknown type, or no cursor; `TooManyStreams`: `MaxStreams` are open. */
export class EventFeed extends Context.Service<
  EventFeed,
  {
    /**
     * Follows until the client leaves or the feed ends. The answer is the head alone: the server writes it, and the stream begins where it
     * would end the response. The request's fiber is over then.
     */
    readonly follow: (
      request: HttpServerRequest,
      options: FollowOptions,
    ) => Effect.Effect<HttpServerResponse.HttpServerResponse, Invalid | TooManyStreams>
    /** How many follow. */
    readonly streams: Effect.Effect<number>
    /** Ends all streams and refuses new ones: the first thing when the host stops, since a server that closes waits for its responses. */
    readonly end: Effect.Effect<void>
  }
>()("@signalbox/server/EventFeed") {
  /** Ends with its Scope, and when the host stops (`Stopping`): a server above it would wait for its responses before that Scope is closed. */
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

  /** Counted and in its channel in one step: in between, the last of the channel's clients could leave and close it. */
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
    // While its channel was opened: nobody would say so a second time.
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

  const proceed = ({ channel, client }: Follower, foreign = false): void => {
    if (!client.isOpen) return
    if (!foreign && channel.isCaughtUp(client)) channel.join(client)
    else {
      client.isCatchingUp = true
      client.fiber = run(catchUp(client, channel, feed))
    }
  }

  const follow: EventFeed["Service"]["follow"] = Effect.fnUntraced(function* (request, options) {
    const types = yield* Effect.fromResult(readTypes(options.types))
    const after = yield* Effect.fromResult(readCursor(request, options.after))
    const answer = HttpServerResponse.empty({ status: 200, headers })
    if (request.method === "HEAD") return answer
    const newest = yield* bus.cursor
    const response = NodeHttpServerRequest.toServerResponse(request) as ServerResponse
    if (response.destroyed) return answer
    // Whole, also if the client leaves meanwhile: an open channel without a client would never be closed.
    const follower = yield* Effect.uninterruptible(admit(types, response, after ?? newest))
    // A place that is none in this bus's order: the bus itself must say so.
    const foreign = after !== undefined && (after.epoch !== newest.epoch || compareCursors(after, newest) > 0)
    markEndless(response)
    const returns = request.headers["accept"]?.includes("text/event-stream") === true
    keepOpen(response, () => {
      const { client } = follower
      client.write(opening(client.cursor, returns ? retryMillis : undefined), 0)
      proceed(follower, foreign)
    })
    return answer
  })

  return EventFeed.of({ follow, streams: Effect.sync(() => clients.size), end })
})

interface Follower {
  readonly client: Client
  readonly channel: Channel
}

const stoppingDetail = "The host is stopping; come back when it has started again."
const fullDetail = (limit: number) =>
  `${limit} event streams are open, and no more are allowed. Close one of them, or try again later.`

const headers = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
  // A stream is the last thing on its connection: a server that closes need not wait for the next request.
  connection: "close",
}

/** Tells every client that the feed is alive, and cuts those who have not read for too long. */
const sendHeartbeats = (clients: ReadonlySet<Client>) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    let cut = 0
    for (const client of clients) {
      if (!client.isOpen || !client.response.headersSent) continue
      if (!client.isFull) client.write(heartbeat, now)
      else if (client.fullSince !== undefined && now - client.fullSince >= Duration.toMillis(readTimeout)) {
        cut++
        client.response.destroy()
      }
    }
    return cut === 0 ? Effect.void : Effect.logInfo(`${cut} event streams were cut: nobody has read them for a minute`)
  })

const readTypes = (text: string | undefined): Result.Result<ReadonlyArray<string>, Invalid> => {
  if (text === undefined) return Result.succeed([])
  const types = [...new Set(text.split(",").map((type) => type.trim()))].filter((type) => type !== "").toSorted()
  const unknown = types.find((type) => !registry.types.includes(type))
  if (unknown === undefined && types.length > 0) return Result.succeed(types)
  const detail =
    unknown === undefined
      ? "`types` is empty. Leave it out for all events, or name some."
      : `There are no events of type ${JSON.stringify(unknown.slice(0, 64))}${didYouMean(nearNames(unknown, registry.types))}. There are: ${registry.types.join(", ")}.`
  return Result.fail(new Invalid({ detail }))
}

/** `Last-Event-ID` wins: a browser that comes back sends it along with the address that it was given at first. */
const readCursor = (
  request: HttpServerRequest,
  after: string | undefined,
): Result.Result<Cursor | undefined, Invalid> => {
  const last = request.headers["last-event-id"]
  const text = last === undefined || last === "" ? after : last
  if (text === undefined) return Result.succeed(undefined)
  const detail =
    "`after` and Last-Event-ID are cursors (`epoch:sequence`), as the feed's ids and the state's `cursor` are."
  return Result.fromOption(parseCursor(text), () => new Invalid({ detail }))
}
