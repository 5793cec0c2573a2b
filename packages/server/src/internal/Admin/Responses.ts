/**
 * Rules for all responses outside of the gateway, including those that no endpoint makes: unknown paths, unsupported methods, large bodies, defects.
 * Errors are problem details, responses are never cached, and a 503 has Retry-After.
 */
import { AdminApi } from "@signalbox/api/AdminApi"
import * as Problems from "@signalbox/api/Problems"
import { didYouMean, nearNames } from "@signalbox/core/NearNames"
import { ByteSize, Cause, Effect, Option } from "effect"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as HttpRouter from "effect/http/HttpRouter"
import { isHttpServerError } from "effect/http/HttpServerError"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { maxBodyBytes } from "./RequestBodies.ts"

const retryAfterSeconds = 2

/** Middleware for a router. It does not touch paths of the gateway (`/v1/…`). */
export const layer = HttpRouter.middleware(
  (effect) =>
    Effect.flatMap(HttpServerRequest, (request) => {
      const path = pathOf(request)
      if (path === "/v1" || path.startsWith("/v1/")) return effect
      // The body is not read: the server closes the connection after the response.
      if (Number(request.headers["content-length"]) > maxBodyBytes) return Effect.flatMap(respond(tooLarge()), finish)
      return effect.pipe(
        Effect.provideService(HttpIncomingMessage.MaxBodySize, ByteSize.bytes(maxBodyBytes)),
        Effect.catchCause((cause) => {
          const problem = problemOf(cause, request.method, path)
          if (problem === undefined) return Effect.failCause(cause)
          return problem._tag === "Internal"
            ? Effect.andThen(Effect.logError(`${request.method} ${path} failed`, cause), respond(problem))
            : respond(problem)
        }),
        Effect.flatMap(finish),
      )
    }),
  { global: true },
)

const pathOf = ({ url }: HttpServerRequest): string => url.split(/[?#]/, 1)[0] ?? url

type Problem = HttpServerRespondable.Respondable & { readonly _tag: string; readonly allowed?: ReadonlyArray<string> }

const respond = (problem: Problem): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  Effect.map(HttpServerRespondable.toResponse(problem), (response) =>
    problem.allowed === undefined
      ? response
      : HttpServerResponse.setHeader(response, "allow", problem.allowed.join(", ")),
  )

const tooLarge = () =>
  new Problems.TooLarge({
    detail: `The body is larger than ${maxBodyBytes} bytes. Send less.`,
    maxBytes: maxBodyBytes,
  })

/** The problem for a cause that no endpoint declares. `undefined` leaves the cause to the server. */
const problemOf = (cause: Cause.Cause<unknown>, method: string, path: string): Problem | undefined => {
  if (Cause.hasInterruptsOnly(cause)) return undefined
  for (const reason of cause.reasons) {
    const error = reason._tag === "Fail" ? reason.error : reason._tag === "Die" ? reason.defect : undefined
    if (!isHttpServerError(error)) continue
    if (error.reason._tag === "RouteNotFound") return notRouted(method, path)
    if (error.reason._tag === "RequestParseError") {
      return error.reason.reason === "BodyTooLarge"
        ? tooLarge()
        : new Problems.Invalid({ detail: "The body of the request ended early. Send it again, whole." })
    }
  }
  if (!Cause.hasDies(cause)) return undefined
  return new Problems.Internal({ detail: "The host failed on this request. Its log has the cause." })
}

interface KnownRoute {
  readonly method: string
  readonly path: string
  readonly pattern: RegExp
}

const known = (method: string, path: string): KnownRoute => ({
  method,
  path,
  pattern: new RegExp(`^${path.replaceAll(/:\w+/g, "[^/]+")}$`),
})

const routes: ReadonlyArray<KnownRoute> = [
  known("GET", "/docs"),
  known("GET", "/openapi.json"),
  ...Object.values(AdminApi.groups).flatMap((group) =>
    Object.values(group.endpoints).map(({ method, path }) => known(method, path)),
  ),
]

/** Ignores repeated and trailing slashes, as the router does. */
const notRouted = (method: string, asked: string): Problem => {
  if (!isPath(asked)) return new Problems.Invalid({ detail: notPath })
  const path = asked.replaceAll(/\/{2,}/g, "/").replace(/(?<=.)\/$/, "")
  const matching = routes.filter(({ pattern }) => pattern.test(path))
  const near = didYouMean(nearNames(path, new Set(routes.map((route) => route.path))))
  const quoted = JSON.stringify(path.slice(0, 200))
  if (matching.length === 0) return new Problems.NotFound({ detail: `${quoted} does not exist${near}. See /docs.` })
  const allowed = matching.flatMap((route) => (route.method === "GET" ? ["GET", "HEAD"] : [route.method]))
  return new Problems.MethodNotAllowed({ detail: `${quoted} supports ${allowed.join(", ")}, not ${method}.`, allowed })
}

const notPath = "The path cannot be decoded: percent-encode it as UTF-8, with two hexadecimal digits after each %."

const isPath = (path: string): boolean => Option.isSome(decode(path))
const decode = Option.liftThrowable(decodeURIComponent)

/** An error without a JSON body comes from the framework: replaces it by problem details. */
const finish = (
  response: HttpServerResponse.HttpServerResponse,
): Effect.Effect<HttpServerResponse.HttpServerResponse> =>
  response.status >= 400 && !response.headers["content-type"]?.includes("json")
    ? Effect.map(respond(problemOfStatus(response.status)), withHeaders)
    : Effect.succeed(withHeaders(response))

const problemOfStatus = (status: number): Problem => {
  switch (status) {
    case 413:
      return tooLarge()
    case 415:
      return new Problems.UnsupportedMedia({ detail: "The body must be JSON: send `content-type: application/json`." })
    case 404:
      return new Problems.NotFound({ detail: "The resource does not exist. See /docs." })
    default:
      return status < 500
        ? new Problems.Invalid({ detail: "The request cannot be understood. See /docs." })
        : new Problems.Internal({ detail: "The host failed on this request. Its log has the cause." })
  }
}

const withHeaders = (response: HttpServerResponse.HttpServerResponse): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.setHeaders(response, {
    // The event feed sets its own.
    "cache-control": response.headers["cache-control"] ?? "no-store",
    "x-content-type-options": "nosniff",
    ...(response.status === 401 ? { "www-authenticate": 'Bearer realm="signalbox"' } : {}),
    ...(response.status === 503 ? { "retry-after": String(retryAfterSeconds) } : {}),
  })
