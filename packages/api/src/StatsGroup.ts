/** Usage by model and provider across all processes that share the ledger: calls, durations, tokens. */
import { StatsSnapshot } from "@signalbox/core/StatsLedger"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"
import { Unavailable } from "./Problems.ts"

/** `/api/stats`. */
export class StatsGroup extends HttpApiGroup.make("stats")
  .add(
    HttpApiEndpoint.get("snapshot", "/stats", {
      /** Minutes, 1 to 1440. Without it the setting applies. */
      query: {
        window: Schema.optionalKey(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1440 }))),
      },
      success: StatsSnapshot,
      error: Unavailable,
    }),
  )
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Usage" })) {}
