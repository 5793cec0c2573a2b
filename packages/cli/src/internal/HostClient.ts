/**
 * Requests to the admin API of a running host over node:http, which loads in a tenth of the time of effect's HttpClient. A response is checked for the
 * members of its endpoint and not decoded further: host and command are normally the same version. Every failure is a `Failure` with a hint.
 */
import type { IncomingMessage } from "node:http"
import { createRequire } from "node:module"
import { Effect, Redacted } from "effect"
import type { Endpoint } from "./AdminEndpoints.ts"
import { errorCode } from "./errorCode.ts"
import { type Failure, failed, hostNotReached, hostNotResponding } from "./Failure.ts"
import { withSpinner } from "./Print.ts"
import type { RunningHost } from "./RunningHost.ts"

// Imported as an ES module, node:http loads undici for exports that are not needed here: as slow as starting Node once more.
const require = createRequire(import.meta.url)
const http: typeof import("node:http") = require("node:http")
const https = (): typeof import("node:https") => require("node:https")

export interface Input {
  readonly params?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly payload?: unknown
}

/** Until the response begins. A host may spend half of it on building the services that a change needs. */
const timeout = "60 seconds"

/** Calls an endpoint and returns the JSON of its response. */
export const request = <A>(host: RunningHost, endpoint: Endpoint<A>, input: Input = {}): Effect.Effect<A, Failure> =>
  Effect.gen(function* () {
    const response = yield* open(host, endpoint, input)
    const text = yield* readText(response)
    if (endpoint.members.length === 0 && response.statusCode === 204) return undefined as A
    const body = parsed(text)
    if (endpoint.members.length > 0 && endpoint.members.every((member) => Object.hasOwn(body, member))) return body as A
    const { failureOfProblem } = yield* Effect.promise(() => import("./HostClient/failureOfProblem.ts"))
    return yield* failureOfProblem(body, host.note === undefined)
  })

/** Calls an endpoint that streams. Returns the response once it has begun, or fails with the problem in it. */
export const openStream = (host: RunningHost, endpoint: Endpoint<never>, input: Input) =>
  Effect.gen(function* () {
    const response = yield* open(host, endpoint, input)
    if (response.statusCode === 200) return response.setEncoding("utf8")
    const body = parsed(yield* readText(response))
    const { failureOfProblem } = yield* Effect.promise(() => import("./HostClient/failureOfProblem.ts"))
    return yield* failureOfProblem(body, host.note === undefined)
  })

const open = ({ note, token, url }: RunningHost, endpoint: Endpoint<never>, input: Input) =>
  Effect.callback<IncomingMessage, Failure>((resume) => {
    const payload = input.payload === undefined ? undefined : Buffer.from(JSON.stringify(input.payload))
    const call = (url.startsWith("https:") ? https() : http).request(urlOf(url, endpoint, input), {
      agent: false,
      method: endpoint.method,
      headers: {
        ...input.headers,
        authorization: `Bearer ${Redacted.value(token)}`,
        ...(payload === undefined ? {} : { "content-type": "application/json", "content-length": payload.length }),
      },
    })
    // Kept after the response has begun: an error event without a listener would end the process.
    call.on("error", (error) =>
      resume(Effect.fail(note === undefined ? hostNotReached(url, errorCode(error)) : connectionBroken)),
    )
    call.once("response", (response) => resume(Effect.succeed(response)))
    call.end(payload)
    return Effect.sync(() => call.destroy())
  }).pipe(
    Effect.timeoutOrElse({
      duration: timeout,
      orElse: () => Effect.fail(note === undefined ? hostNotReached(url, "no response") : hostNotResponding(note)),
    }),
    withSpinner("asking the host"),
  )

const urlOf = (base: string, { path }: Endpoint<never>, { params = {}, query = {} }: Input): URL => {
  const url = new URL(base + path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? "")))
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url
}

const readText = (response: IncomingMessage): Effect.Effect<string, Failure> =>
  Effect.callback((resume) => {
    let text = ""
    response.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
    })
    response.once("end", () => resume(Effect.succeed(text)))
    // Also after `end`, where it has no effect.
    response.once("close", () => resume(Effect.fail(connectionBroken)))
    response.on("error", () => resume(Effect.fail(connectionBroken)))
    return Effect.sync(() => response.destroy())
  })

/** The object in a text. An empty one for anything else, which has no member that an endpoint requires. */
const parsed = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

export const connectionBroken = failed(
  "gone",
  "the connection to the host broke",
  "if the host has just stopped, start it again and repeat the command",
)
