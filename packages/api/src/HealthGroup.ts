/** Health and readiness of the host, without a token. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

/** The process is alive. */
export const Health = Schema.Struct({
  status: Schema.Literal("ok"),
  version: Schema.String,
  pid: Schema.Int,
})

/** `ready`: the host serves requests. `degraded`: it works with problems that need attention; see `signalbox doctor`. */
export const Readiness = Schema.Struct({
  ready: Schema.Boolean,
  /** Sentences without secrets. Empty without problems. */
  degraded: Schema.Array(Schema.String),
})

/** `/healthz` and `/readyz` (503 until requests are served). */
export class HealthGroup extends HttpApiGroup.make("health", { topLevel: true })
  .add(
    HttpApiEndpoint.get("healthz", "/healthz", { success: Health }),
    HttpApiEndpoint.get("readyz", "/readyz", {
      success: [Readiness, Readiness.pipe(HttpApiSchema.status(503))],
    }),
  )
  .annotateMerge(OpenApi.annotations({ title: "Health" })) {}
