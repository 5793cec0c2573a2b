/** Clients of the event feed for its tests: by node:http, so that a test decides when something is read. */
import { request as httpRequest, type IncomingMessage } from "node:http"
import { Data, Effect, type Scope } from "effect"
import { AdminHost, token } from "./AdminHost.ts"

export interface SseEvent {
  readonly id: string
  readonly event: string
  readonly data: any
}

/** The stream has ended, or its connection. */
export class Over extends Data.TaggedError("Over")<{ readonly cause: unknown }> {}

export interface Follower {
  readonly response: IncomingMessage
  /** All text until it satisfies the condition. */
  readonly until: (condition: (text: string) => boolean) => Effect.Effect<string, Over>
  /** All text until it has just said this; for much text, which is not looked through again each time. */
  readonly untilSaid: (words: string) => Effect.Effect<string, Over>
  /** The first so many events (those without data do not count). */
  readonly events: (count: number) => Effect.Effect<ReadonlyArray<SseEvent>, Over>
  /** To the end of the stream. */
  readonly ended: Effect.Effect<string>
}

/** Follows the feed until the Scope closes. `paused`: nothing is read until something is waited for. */
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

/** Longer than anything that is waited for. */
const overlap = 200

const follower = (response: IncomingMessage, paused: boolean): Follower => {
  const chunks: Array<string> = []
  const whole = () => {
    const text = chunks.join("")
    chunks.splice(0, chunks.length, text)
    return text
  }
  let tail = ""
  let over: Over | undefined
  const looks = new Set<() => void>()
  const look = () => {
    for (const one of [...looks]) one()
  }
  const begin = () => {
    if (response.listenerCount("data") > 0) return
    response.setEncoding("utf8")
    response.on("data", (chunk: string) => {
      chunks.push(chunk)
      tail = tail.slice(-overlap) + chunk
      look()
    })
  }
  const end = (cause: unknown) => {
    over ??= new Over({ cause })
    look()
  }
  response.on("end", () => end("whole"))
  response.on("error", (error) => end(error))
  if (!paused) begin()

  const wait = (condition: () => boolean): Effect.Effect<string, Over> =>
    Effect.callback((resume) => {
      const one = () => {
        if (condition()) resume(Effect.succeed(whole()))
        else if (over !== undefined) resume(Effect.fail(over))
      }
      looks.add(one)
      begin()
      one()
      return Effect.sync(() => looks.delete(one))
    })
  return {
    response,
    until: (condition) => wait(() => condition(whole())),
    untilSaid: (words) => wait(() => tail.includes(words)),
    events: (count) =>
      Effect.map(
        wait(() => eventsOf(whole()).length >= count),
        (text) => eventsOf(text).slice(0, count),
      ),
    ended: Effect.ignore(wait(() => over !== undefined)).pipe(Effect.map(whole)),
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
