/**
 * Reads the bodies of the admin API before any handler runs, and only for requests with a valid token. Bounds: the size of one body and of all
 * bodies together, the time to receive one, and its nesting depth.
 */
import * as Problems from "@signalbox/api/Problems"
import { Effect, Fiber, Option, Semaphore } from "effect"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { isTooDeep, maxDepth } from "./JsonDepth.ts"

/** For one body. Larger documents are edited as files. */
export const maxBodyBytes = 4 * 1024 * 1024
/** For all bodies in flight, by their announced lengths. */
const maxTotalBytes = 32 * 1024 * 1024
/** From the headers to the end of the body. */
const readTimeout = "30 seconds"

/** Returns a wrapper for the handlers of one server: it reads the whole body, then runs the handler. */
export const makeBodyReader = () => {
  const room = Semaphore.makeUnsafe(maxTotalBytes)
  return <E, R>(handler: Effect.Effect<HttpServerResponse.HttpServerResponse, E, R>) =>
    Effect.flatMap(HttpServerRequest, (request): Effect.Effect<HttpServerResponse.HttpServerResponse, E, R> => {
      const bytes = announcedBytes(request)
      if (bytes === 0) return handler
      const response = Effect.flatMap(read(request), (refusal) => refusal ?? handler)
      return Effect.flatMap(
        room.withPermitsIfAvailable(bytes)(response),
        Option.match({ onNone: () => busy, onSome: Effect.succeed }),
      )
    })
}

/** A chunked body announces no length, so it counts as the maximum. */
const announcedBytes = ({ headers }: HttpServerRequest): number => {
  if (headers["transfer-encoding"] !== undefined) return maxBodyBytes
  const length = Number(headers["content-length"] ?? 0)
  return Math.min(length, maxBodyBytes)
}

/**
 * Returns the refusal, or `undefined` if the body is acceptable; the request keeps the bytes. `Responses` handles bodies that end early or are
 * too large.
 */
const read = (
  request: HttpServerRequest,
): Effect.Effect<Effect.Effect<HttpServerResponse.HttpServerResponse> | undefined> =>
  Effect.gen(function* () {
    // Detached: interrupting the read would close the connection before the response. It ends with the body or with the connection.
    const reading = yield* Effect.forkDetach(Effect.orDie(request.arrayBuffer), { startImmediately: true })
    const body = yield* Effect.raceFirst(Fiber.join(reading), Effect.as(Effect.sleep(readTimeout), undefined))
    if (body === undefined) return timedOut
    return isTooDeep(new Uint8Array(body)) ? tooDeep : undefined
  })

const busy = HttpServerRespondable.toResponse(
  new Problems.Busy({
    detail: `Requests with ${maxTotalBytes} bytes in total are in flight, which is the limit. Try again.`,
  }),
)
const tooDeep = HttpServerRespondable.toResponse(
  new Problems.Invalid({
    detail: `The body is nested deeper than ${maxDepth} levels. Make it flatter.`,
  }),
)
/** Closes the connection, and so frees the bytes that have arrived. */
const timedOut = Effect.map(
  HttpServerRespondable.toResponse(
    new Problems.Invalid({
      detail: `The body did not arrive within ${readTimeout}. Send it again, whole.`,
    }),
  ),
  HttpServerResponse.setHeader("connection", "close"),
)
