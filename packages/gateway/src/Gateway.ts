/**
 * OpenAI's endpoints over a ServiceGraph: `GET /v1/models` and `POST /v1/chat/completions`. A request holds one generation from its start
 * to the last byte of its answer, names a model by its alias and never sees another name of it; every call is recorded.
 */
import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import { Credentials } from "@signalbox/core/Credentials"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Clock, Context, Effect, type Layer, Option, Result, type Scope } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { isHttpServerError } from "effect/http/HttpServerError"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { CallObserver } from "./CallObserver.ts"
import { ApiError, toResponse } from "./internal/Gateway/ApiError.ts"
import { type Caller, callerOf, type Identify } from "./internal/Gateway/Caller.ts"
import { chatCompletions, type GatewayState } from "./internal/Gateway/ChatCompletions.ts"
import { modelsAt } from "./internal/Gateway/ModelList.ts"
import { Probes } from "./internal/Gateway/Probes.ts"
import { BufferedBytes } from "./internal/Gateway/RequestBody.ts"
import { RequireKeys } from "./RequireKeys.ts"
import type { UpstreamClients } from "./UpstreamClient.ts"

/** How long a request waits for a graph that is still starting. */
export const startTimeout = "5 seconds"

/** What the gateway needs of a graph: the nodes `Models.node` and `UpstreamClients.node` among its own. */
export interface Graph<Self, Shape> extends Context.Key<Self, Shape> {
  readonly pin: Effect.Effect<unknown, never, Self | Scope.Scope>
  readonly provide: <A, E>(effect: Effect.Effect<A, E, Models | UpstreamClients>) => Effect.Effect<A, E, NoInfer<Self>>
}

/** Adds the routes to the router. For Node's server of HTTP/1.1: answers are written straight into its responses. */
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
        observer: yield* CallObserver,
      }
      const started = makeStarted(
        Effect.updateContext(graph.pin, (ambient: Context.Context<Scope.Scope>) =>
          Context.add(ambient, graph, services),
        ),
      )
      const withGraph = (ambient: Context.Context<never>) => Context.add(ambient, graph, services)

      /**
       * One generation around the whole request. The pin ends with the handler and not with the request's Scope: a handler here ends
       * when the last byte of its answer is written, and a pin without a finalizer costs less.
       */
      const handle = (run: Run) => {
        const answer = (request: HttpServerRequest) =>
          graph.provide(
            Effect.flatMap(requireKeys.get, (required) => {
              const { authorization } = toIncomingMessage(request).headers
              const identify = () => callerOf(authorization, required, credentials)
              const caller = identify()
              return Result.isFailure(caller) ? Effect.fail(caller.failure) : run(caller.success, request, identify)
            }),
          )
        return (request: HttpServerRequest) =>
          Effect.catch(Effect.andThen(started, Effect.updateContext(answer(request), withGraph)), (error) =>
            Effect.succeed(toResponse(error)),
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
      // The pattern with `/*` is also the path without it.
      yield* router.addAll([
        HttpRouter.route("GET", "/v1/models/*", models),
        HttpRouter.route("HEAD", "/v1/models/*", models),
      ])
      yield* router.add("*", "/v1/*", (request) => Effect.succeed(toResponse(noRoute(request))))
      // What is no path fits no route, not even that one.
      yield* router.addGlobalMiddleware((effect) =>
        Effect.catch(effect, (error) => (isUnreadable(error) ? unreadable : Effect.fail(error))),
      )
    }),
  )

const isUnreadable = (error: unknown): boolean =>
  isHttpServerError(error) && error.reason._tag === "RouteNotFound" && error.request.url.startsWith("/v1/")

const unreadable = Effect.succeed(
  toResponse(
    new ApiError({
      status: 400,
      code: "invalid_path",
      message:
        "the path cannot be read: each % in it stands before two hexadecimal digits, and what they encode is UTF-8",
    }),
  ),
)

type Run = (
  caller: Caller,
  request: HttpServerRequest,
  /** Who it is by the keys of now. */
  identify: Identify,
) => Effect.Effect<HttpServerResponse, ApiError, Models | UpstreamClients>

/** Only while the graph starts is there anything to wait for; a graph that has served once goes on. */
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
    "the services are still starting, or cannot be built for the configuration; `signalbox services` shows which",
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
        message: `there is nothing at ${path.slice(0, 200)}; there are POST /v1/chat/completions and GET /v1/models`,
      })
    : new ApiError({
        status: 405,
        code: "method_not_allowed",
        allow,
        message: `${method} is not for ${path.slice(0, 200)}; use ${allow}`,
      })
}
