/**
 * OpenAI's endpoints over a ServiceGraph: `GET /v1/models` and `POST /v1/chat/completions`. A request holds one generation from its start
 * to the last byte of its answer, names a model by its alias and never sees another name of it; every call is recorded.
 */
import { toIncomingMessage } from "@effect/platform-node/NodeHttpServerRequest"
import { Credentials } from "@signalbox/core/Credentials"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { PinnedValues } from "@signalbox/core/Reconciler"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Clock, Context, Effect, type Layer, Option, type Scope } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { HttpServerRequest } from "effect/http/HttpServerRequest"
import type { HttpServerResponse } from "effect/http/HttpServerResponse"
import { ApiError, toResponse } from "./Gateway/ApiError.ts"
import { type Caller, callerOf } from "./Gateway/Caller.ts"
import { chatCompletions, type Works } from "./Gateway/ChatCompletions.ts"
import { modelsAt } from "./Gateway/ModelList.ts"
import { Probes } from "./Gateway/Probes.ts"
import { HeldBytes } from "./Gateway/RequestBody.ts"
import { RequireKeys } from "./RequireKeys.ts"
import { UpstreamClients } from "./UpstreamClient.ts"

/** How long a request waits for a graph that is still starting. */
export const startPatience = "5 seconds"

/** What the gateway needs of a graph: the nodes `Models.node` and `UpstreamClients.node` among its own. */
export interface Graph<Self>
  extends Context.Key<
    Self,
    { readonly pin: Effect.Effect<Context.Context<Models | UpstreamClients>, never, Scope.Scope> }
  > {}

/** Adds the routes to the router. Built for Node's HTTP server: answers are written straight into its responses. */
export const layer = <Self>(
  graph: Graph<Self>,
): Layer.Layer<never, never, HttpRouter.HttpRouter | Self | StatsLedger | Providers | Credentials | RequireKeys> =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const pinned = makePinned((yield* graph).pin)
      const credentials = yield* Credentials
      const requireKeys = yield* RequireKeys
      const works: Works = {
        ledger: yield* StatsLedger,
        providers: yield* Providers,
        clock: yield* Clock.Clock,
        probes: new Probes(),
        held: new HeldBytes(),
      }
      /** Who is let in gets a generation; everything that the gateway refuses is answered here. */
      const handle =
        (
          run: (
            services: Context.Context<Models | UpstreamClients>,
            caller: Caller,
            request: HttpServerRequest,
          ) => Effect.Effect<HttpServerResponse, ApiError, Scope.Scope>,
        ) =>
        (request: HttpServerRequest) =>
          Effect.catch(
            Effect.flatMap(pinned, (services) =>
              Effect.provideService(
                Effect.flatMap(requireKeys.get, (required) => {
                  const caller = callerOf(toIncomingMessage(request).headers.authorization, required, credentials)
                  return caller instanceof ApiError ? Effect.fail(caller) : run(services, caller, request)
                }),
                PinnedValues,
                Context.get(services, PinnedValues),
              ),
            ),
            (error) => Effect.succeed(toResponse(error)),
          )

      yield* router.add(
        "POST",
        "/v1/chat/completions",
        handle((services, caller, request) =>
          chatCompletions(
            works,
            { models: Context.get(services, Models), clients: Context.get(services, UpstreamClients) },
            caller,
            request,
          ),
        ),
      )
      // The pattern with `/*` is also the path without it.
      yield* router.add(
        "GET",
        "/v1/models/*",
        handle((services, caller, request) => modelsAt(request.url, Context.get(services, Models), caller)),
      )
      yield* router.add("*", "/v1/*", (request) => Effect.succeed(toResponse(noRoute(request))))
    }),
  )

/** Only while the graph starts is there anything to wait for; a graph that has served once goes on. */
const makePinned = <P>(
  pin: Effect.Effect<Context.Context<P>, never, Scope.Scope>,
): Effect.Effect<Context.Context<P>, ApiError, Scope.Scope> => {
  let hasServed = false
  const first = Effect.flatMap(
    Effect.timeoutOption(pin, startPatience),
    Option.match({
      onNone: () => Effect.fail(starting),
      onSome: (services) => {
        hasServed = true
        return Effect.succeed(services)
      },
    }),
  )
  return Effect.suspend(() => (hasServed ? pin : first))
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
