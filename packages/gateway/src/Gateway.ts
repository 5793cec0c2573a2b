/**
 * OpenAI-compatible endpoints over a ServiceGraph: `GET /v1/models` and `POST /v1/chat/completions`. A request pins one generation until the last
 * byte of its response. Callers name models by alias and never see another name. Every call to a provider is recorded in the ledger.
 */
import { toIncomingMessage, toServerResponse } from "@effect/platform-node/NodeHttpServerRequest"
import { Credentials } from "@signalbox/core/Credentials"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Cause, Clock, Context, Effect, type Layer, Option, Result, type Scope } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { isHttpServerError } from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { CallObserver } from "./CallObserver.ts"
import { ApiError, toResponse } from "./internal/Gateway/ApiError.ts"
import { type Caller, callerOf, type Identify } from "./internal/Gateway/Caller.ts"
import { chatCompletions, type GatewayState } from "./internal/Gateway/ChatCompletions.ts"
import { Hops } from "./internal/Gateway/Hops.ts"
import { modelsAt } from "./internal/Gateway/ModelList.ts"
import { Probes } from "./internal/Gateway/Probes.ts"
import { BufferedBytes } from "./internal/Gateway/RequestBody.ts"
import { RequireKeys } from "./RequireKeys.ts"
import type { UpstreamClients } from "./UpstreamClient.ts"

/** The time that a request waits while the graph is still starting. */
export const startTimeout = "5 seconds"

/** A ServiceGraph that has `Models.node` and `UpstreamClients.node` among its nodes. */
export interface Graph<Self, Shape> extends Context.Key<Self, Shape> {
  readonly pin: Effect.Effect<unknown, never, Self | Scope.Scope>
  readonly provide: <A, E>(effect: Effect.Effect<A, E, Models | UpstreamClients>) => Effect.Effect<A, E, NoInfer<Self>>
}

/**
 * Adds the gateway's routes to the router.
 *
 * **Details**
 *
 * Responses are written directly to Node's HTTP/1.1 response, so the router must run on a Node server. With a tracer other than effect's native
 * one, each request has the server's span, with a child span `Gateway.attempt` for the exchange with the provider; without one, the gateway
 * creates no spans.
 *
 * **Example** (Mounting the gateway on a router)
 *
 * ```ts
 * import { Models } from "@signalbox/core/Models"
 * import * as ServiceGraph from "@signalbox/core/ServiceGraph"
 * import { Gateway, UpstreamClients } from "@signalbox/gateway"
 * import { Layer } from "effect"
 * import * as HttpRouter from "effect/http/HttpRouter"
 *
 * class Services extends ServiceGraph.Service<Services>()("example/Services", {
 *   nodes: [Models.node, UpstreamClients.node],
 * }) {}
 *
 * // Still requires an HTTP server, the ledger, the settings and the registries.
 * const gateway = HttpRouter.serve(Gateway.layer(Services)).pipe(Layer.provide(Services.layer))
 *
 * Layer.isLayer(gateway) // => true
 * ```
 */
export const layer = <Self, Shape>(
  graph: Graph<Self, Shape>,
): Layer.Layer<never, never, HttpRouter.HttpRouter | Self | StatsLedger | Providers | Credentials | RequireKeys> =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const services = yield* graph
      const credentials = yield* Credentials
      const requireKeys = yield* RequireKeys
      const state: GatewayState = {
        ledger: yield* StatsLedger,
        providers: yield* Providers,
        clock: yield* Clock.Clock,
        probes: new Probes(),
        buffered: new BufferedBytes(),
        hops: new Hops(),
        observer: yield* CallObserver,
      }
      const started = makeStarted(
        Effect.updateContext(graph.pin, (ambient: Context.Context<Scope.Scope>) =>
          Context.add(ambient, graph, services),
        ),
      )
      const withGraph = (ambient: Context.Context<never>) => Context.add(ambient, graph, services)

      /**
       * Pins one generation for the whole request. The pin ends with the handler instead of the request's Scope, which costs less: a
       * handler ends when the last byte of its response is written.
       */
      const handle = (run: Run) => {
        const respond = (request: HttpServerRequest) =>
          graph.provide(
            Effect.flatMap(requireKeys.get, (required) => {
              const { authorization } = toIncomingMessage(request).headers
              const identify = () => callerOf(authorization, required, credentials)
              const caller = identify()
              return Result.isFailure(caller) ? Effect.fail(caller.failure) : run(caller.success, request, identify)
            }),
          )
        return (request: HttpServerRequest) =>
          Effect.andThen(started, Effect.updateContext(respond(request), withGraph)).pipe(
            Effect.catchDefect((defect) => failInternally(request, defect)),
            Effect.catch((error) => Effect.succeed(toResponse(error))),
          )
      }

      yield* router.add(
        "POST",
        "/v1/chat/completions",
        handle((caller, request, identify) => chatCompletions(state, caller, request, identify)),
      )
      const models = handle((caller, request) =>
        Effect.flatMap(Models, (models) => modelsAt(request.url, models, caller)),
      )
      // The pattern `/*` also matches the path without it.
      yield* router.addAll([
        HttpRouter.route("GET", "/v1/models/*", models),
        HttpRouter.route("HEAD", "/v1/models/*", models),
      ])
      yield* router.add("*", "/v1/*", (request) => Effect.succeed(toResponse(noRoute(request))))
      // A path with an invalid escape matches no route, not even that one.
      yield* router.addGlobalMiddleware((effect) =>
        Effect.catch(effect, (error) => (isInvalidPath(error) ? invalidPath : Effect.fail(error))),
      )
    }),
  )

/** The server itself would send an empty response, and log nothing. */
const failInternally = (request: HttpServerRequest, defect: unknown): Effect.Effect<never, ApiError> =>
  Effect.andThen(
    Effect.logError(`${request.method} ${request.url.split("?", 1)[0]} failed by a bug`, Cause.die(defect)),
    Effect.suspend(() => {
      const response = toServerResponse(request)
      // A response that has begun cannot carry an error. Cutting it off shows that it is incomplete.
      if (response.headersSent) response.destroy()
      return Effect.fail(internal)
    }),
  )

const internal = new ApiError({
  status: 500,
  code: "internal_error",
  message: "the gateway failed on this request; its log has the cause",
  // The provider may have acted.
  retry: false,
})

const isInvalidPath = (error: unknown): boolean =>
  isHttpServerError(error) && error.reason._tag === "RouteNotFound" && error.request.url.startsWith("/v1/")

const invalidPath = Effect.succeed(
  toResponse(
    new ApiError({
      status: 400,
      code: "invalid_path",
      message: "the path cannot be decoded: percent-encode it as UTF-8, with two hexadecimal digits after each %",
    }),
  ),
)

type Run = (
  caller: Caller,
  request: HttpServerRequest,
  /** Authenticates again, with the keys that are valid now. */
  identify: Identify,
) => Effect.Effect<HttpServerResponse, ApiError, Models | UpstreamClients>

/** Waits for the graph to start. A graph that has served once keeps serving, so later requests skip the wait. */
const makeStarted = (pin: Effect.Effect<unknown, never, Scope.Scope>): Effect.Effect<void, ApiError> => {
  let hasServed = false
  const first = Effect.flatMap(
    Effect.timeoutOption(Effect.scoped(pin), startTimeout),
    Option.match({
      onNone: () => Effect.fail(starting),
      onSome: () => {
        hasServed = true
        return Effect.void
      },
    }),
  )
  return Effect.suspend(() => (hasServed ? Effect.void : first))
}

const starting = new ApiError({
  status: 503,
  code: "starting",
  message:
    "the services are still starting, or the configuration prevents them from being built; `signalbox services` shows which",
  retryAfterSeconds: 1,
  retry: true,
})

const methods: Readonly<Record<string, string>> = { "/v1/chat/completions": "POST", "/v1/models": "GET, HEAD" }

const noRoute = ({ method, url }: HttpServerRequest): ApiError => {
  const path = url.split("?", 1)[0]!
  const allow = methods[path] ?? (path.startsWith("/v1/models/") ? methods["/v1/models"] : undefined)
  return allow === undefined
    ? new ApiError({
        status: 404,
        code: "not_found",
        message: `${path.slice(0, 200)} does not exist; use POST /v1/chat/completions or GET /v1/models`,
      })
    : new ApiError({
        status: 405,
        code: "method_not_allowed",
        allow,
        message: `${path.slice(0, 200)} does not support ${method}; use ${allow}`,
      })
}
