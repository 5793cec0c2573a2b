/** Clients of the event feed over node:http, so that a test controls when they read. */
import { request as httpRequest, type IncomingMessage } from "node:http"
import { Data, Effect, type Scope } from "effect"
import { AdminHost, token } from "./AdminHost.ts"

export interface SseEvent {
  readonly id: string
  readonly event: string
  readonly data: any
}

/** The stream or its connection has ended. */
export class StreamEnded extends Data.TaggedError("StreamEnded")<{ readonly cause: unknown }> {}

export interface Follower {
  readonly response: IncomingMessage
  /** Waits until the whole text satisfies the condition. */
  readonly until: (condition: (text: string) => boolean) => Effect.Effect<string, StreamEnded>
  /** Waits for a string in the newest text. For long streams: it does not search the whole text again. */
  readonly untilString: (words: string) => Effect.Effect<string, StreamEnded>
  /** The first `count` events with data. */
  readonly events: (count: number) => Effect.Effect<ReadonlyArray<SseEvent>, StreamEnded>
  /** The whole text, at the end of the stream. */
  readonly ended: Effect.Effect<string>
}

/** Follows the feed until the Scope closes. With `paused`, it reads nothing until a test waits for something. */
export const follow = (
  query = "",
  options: { readonly headers?: Readonly<Record<string, string>>; readonly paused?: boolean } = {},
): Effect.Effect<Follower, Error, AdminHost | Scope.Scope> =>
  Effect.flatMap(AdminHost, ({ port }) =>
    Effect.acquireRelease(
      Effect.callback<IncomingMessage, Error>((resume) => {
        const headers = { authorization: `Bearer ${token}`, ...options.headers }
        const request = httpRequest({ host: "127.0.0.1", port, path: `/api/events${query}`, agent: false, headers })
        request.on("response", (response) => resume(Effect.succeed(response)))
        request.on("error", (error) => resume(Effect.fail(error)))
        request.end()
      }),
      (response) => Effect.sync(() => response.destroy()),
    ),
  ).pipe(Effect.map((response) => follower(response, options.paused === true)))

/** Longer than any string that tests wait for. */
const overlap = 200

const follower = (response: IncomingMessage, paused: boolean): Follower => {
  const chunks: Array<string> = []
  const whole = () => {
    const text = chunks.join("")
    chunks.splice(0, chunks.length, text)
    return text
  }
  let tail = ""
  let ended: StreamEnded | undefined
  const checks = new Set<() => void>()
  const notify = () => {
    for (const one of [...checks]) one()
  }
  const begin = () => {
    if (response.listenerCount("data") > 0) return
    response.setEncoding("utf8")
    response.on("data", (chunk: string) => {
      chunks.push(chunk)
      tail = tail.slice(-overlap) + chunk
      notify()
    })
  }
  const end = (cause: unknown) => {
    ended ??= new StreamEnded({ cause })
    notify()
  }
  response.on("end", () => end("whole"))
  response.on("error", (error) => end(error))
  if (!paused) begin()

  const wait = (condition: () => boolean): Effect.Effect<string, StreamEnded> =>
    Effect.callback((resume) => {
      const one = () => {
        if (condition()) resume(Effect.succeed(whole()))
        else if (ended !== undefined) resume(Effect.fail(ended))
      }
      checks.add(one)
      begin()
      one()
      return Effect.sync(() => checks.delete(one))
    })
  return {
    response,
    until: (condition) => wait(() => condition(whole())),
    untilString: (words) => wait(() => tail.includes(words)),
    events: (count) =>
      Effect.map(
        wait(() => eventsOf(whole()).length >= count),
        (text) => eventsOf(text).slice(0, count),
      ),
    ended: Effect.ignore(wait(() => ended !== undefined)).pipe(Effect.map(whole)),
  }
}

export const eventsOf = (text: string): ReadonlyArray<SseEvent> =>
  text
    .split("\n\n")
    .slice(0, -1)
    .flatMap((block) => {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string]))
      const data = fields.get("data")
      if (data === undefined) return []
      return [{ id: fields.get("id") ?? "", event: fields.get("event") ?? "", data: JSON.parse(data) }]
    })
