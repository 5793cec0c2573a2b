/** Whether the host lives, and whether it can serve; the only part that needs no token. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"

/** The process lives. */
export const Health = Schema.Struct({
  status: Schema.Literal("ok"),
  version: Schema.String,
  pid: Schema.Int,
})

/** `ready`: requests are served. What is `degraded` works, and wants somebody to look: see `signalbox doctor`. */
export const Readiness = Schema.Struct({
  ready: Schema.Boolean,
  /** In words, without anything secret; empty: all is well. */
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
