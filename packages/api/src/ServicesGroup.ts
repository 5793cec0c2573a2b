/** The service graph as people look at it: what stands, what it needs, which generations are still held by requests. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"

/** The graph, the generations that requests hold, and who follows the events. */
export const ServicesState = Schema.Struct({
  /** The configuration revision that serves; 0 until something does. */
  revision: Schema.Int,
  services: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      needs: Schema.Array(Schema.String),
      state: Schema.Literals(["starting", "ready", "failed"]),
      /** The one that it was built for. */
      generation: Schema.Int,
      buildMillis: Schema.Finite,
    }),
  ),
  /** Newest first; more than one while old requests run. */
  generations: Schema.Array(
    Schema.Struct({ number: Schema.Int, revision: Schema.Int, pins: Schema.Int, ageMillis: Schema.Finite }),
  ),
  /** Changes that wait or are under way. */
  queued: Schema.Int,
  /** Who follows the events, and how far behind. */
  subscribers: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      types: Schema.optionalKey(Schema.Array(Schema.String)),
      lagEvents: Schema.Int,
      lagMillis: Schema.Finite,
    }),
  ),
  cursor: Schema.String,
})
export type ServicesState = typeof ServicesState.Type

/** `/api/services`. */
export class ServicesGroup extends HttpApiGroup.make("services")
  .add(HttpApiEndpoint.get("list", "/services", { success: ServicesState }))
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Services" })) {}
