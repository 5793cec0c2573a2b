/**
 * `GET /metrics` for Prometheus, behind the admin token, while `features.telemetry` is on; else there is no such thing. Calls are counted while it is
 * on, those of this process, from what it records in the ledger; a counter never goes back. Names and labels are bounded, and nothing of the
 * configuration but names of providers and models is in them.
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

/** Adds the route. `graph` is the one whose generations and pins are told. */
export const layer = <Self>(graph: Graph<Self>) =>
  HttpRouter.use(
    Effect.fnUntraced(function* (router) {
      const features = yield* Features
      const { matches } = yield* AdminToken
      // Of its own: what else is measured in this process has names and numbers that nobody here has bounded.
      const registry: Context.Context<never> = Context.make(Metric.MetricRegistry, new Map())
      const updateState = yield* makeState(graph, registry)
      yield* Effect.forkScoped(counting(features, yield* EventBus, makeCalls(registry)))

      const answer = Effect.gen(function* () {
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
      yield* router.add("GET", "/metrics", answer)
    }),
  )

/** The text format of Prometheus. */
const contentType = "text/plain; version=0.0.4; charset=utf-8"

const off = "There are no metrics while telemetry is off. Set features.telemetry to true; that takes effect at once."
const unauthorized =
  "Send `Authorization: Bearer TOKEN` with the token of this host, which stands in the file admin.token beside the document. Prometheus does so with `authorization: { credentials_file: … }`."

/** Nobody pays for counting while nobody may look. */
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
