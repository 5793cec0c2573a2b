/** Logs each unexpected error of a request, and responds with a problem. The HTTP server itself would send an empty 500 and log nothing. */
import { Cause, Effect } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { causeResponse } from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"

/** Middleware for everything that a router serves. */
export const layer = HttpRouter.middleware(
  Effect.succeed((effect) =>
    Effect.catchCause(effect, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause)
        : Effect.flatMap(causeResponse(cause), ([response]) =>
            response.status < 500 ? Effect.failCause(cause) : report(cause),
          ),
    ),
  ),
  { global: true },
)

const report = Effect.fnUntraced(function* (cause: Cause.Cause<unknown>) {
  const { method, url } = yield* HttpServerRequest
  yield* Effect.logError(`${method} ${url.split("?", 1)[0]} failed by a bug`, cause)
  // Imported when needed: it is part of the API's contract, which a start does not load.
  const { Internal } = yield* Effect.promise(() => import("@signalbox/api/Problems"))
  return yield* HttpServerRespondable.toResponse(
    new Internal({ detail: "The host failed on this request. Its log has the cause." }),
  )
})
