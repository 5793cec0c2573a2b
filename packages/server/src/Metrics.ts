/**
 * `GET /metrics` for Prometheus, behind the admin token, while `features.telemetry` is on; otherwise 404. While it is on, it counts the calls that this
 * process records in the ledger; counters never decrease. Names and labels are bounded and contain nothing of the configuration except names of
 * providers and models.
 */
import { NotFound, Unauthorized } from "@signalbox/api/Problems"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsRecorded } from "@signalbox/core/StatsEvents"
import { Context, Effect, Metric, Stream } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerRespondable from "effect/http/HttpServerRespondable"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { PrometheusMetrics } from "effect/observability"
import { AdminToken } from "./AdminToken.ts"
import { Features } from "./HostConfig.ts"
import { type Calls, makeCalls } from "./internal/Metrics/Calls.ts"
import { type Graph, makeState } from "./internal/Metrics/State.ts"

/**
 * Adds the route `/metrics` to the router, for services of `graph`.
 *
 * **Example** (Metrics for your own graph)
 *
 * ```ts
 * import { Models } from "@signalbox/core/Models"
 * import * as ServiceGraph from "@signalbox/core/ServiceGraph"
 * import * as Metrics from "@signalbox/server/Metrics"
 * import { Layer } from "effect"
 *
 * class Services extends ServiceGraph.Service<Services>()("example/Services", { nodes: [Models.node] }) {}
 *
 * // Still requires a router and the services that it measures.
 * Layer.isLayer(Metrics.layer(Services)) // => true
 * ```
 */
export const layer = <Self>(graph: Graph<Self>) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const features = yield* Features
      const { matches } = yield* AdminToken
      // A separate registry: other metrics of this process have unbounded names and labels.
      const registry: Context.Context<never> = Context.make(Metric.MetricRegistry, new Map())
      const updateState = yield* makeState(graph, registry)
      yield* Effect.forkScoped(counting(features, yield* EventBus, makeCalls(registry)))

      const scrape = Effect.gen(function* () {
        if (!(yield* features.get).telemetry)
          return yield* HttpServerRespondable.toResponse(new NotFound({ detail: off }))
        const { headers } = yield* HttpServerRequest
        const [, token] = /^Bearer +(\S+) *$/i.exec(headers["authorization"] ?? "") ?? []
        if (token === undefined || !matches(token)) {
          return yield* HttpServerRespondable.toResponse(new Unauthorized({ detail: unauthorized }))
        }
        yield* updateState
        return HttpServerResponse.text(PrometheusMetrics.formatUnsafe(registry), { contentType })
      })
      yield* router.add("GET", "/metrics", scrape)
    }),
  )

/** Prometheus's text format. */
const contentType = "text/plain; version=0.0.4; charset=utf-8"

const off = "Metrics are off. Set features.telemetry to true, which takes effect at once."
const unauthorized =
  "Send `Authorization: Bearer TOKEN` with the token of this host, from the file admin.token beside the document. In Prometheus, set `authorization: { credentials_file: … }`."

/** Counts calls only while telemetry is on. */
const counting = (features: Features["Service"], bus: EventBus["Service"], calls: Calls): Effect.Effect<void> =>
  features.changes.pipe(
    Stream.map(({ telemetry }) => telemetry),
    Stream.changes,
    Stream.switchMap((on) =>
      on ? Stream.unwrap(bus.subscribe({ types: [StatsRecorded], name: "metrics" })) : Stream.empty,
    ),
    Stream.runForEachArray((items) =>
      Effect.sync(() => {
        for (const item of items) {
          if (item._tag === "Gap") calls.missed(item.missing ?? 0)
          else calls.count(item.event.entry)
        }
      }),
    ),
  )
