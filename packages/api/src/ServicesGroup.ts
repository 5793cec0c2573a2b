/** The state of the service graph: its services, their needs, and the generations that requests hold. */
import { Effect, Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"

/** The services, the pinned generations, the queue of changes and the subscribers of events. */
export const ServicesState = Schema.Struct({
  /** The revision that serves requests; 0 before the first. */
  revision: Schema.Int,
  services: Schema.Array(
    Schema.Struct({
      name: Schema.String,
      needs: Schema.Array(Schema.String),
      state: Schema.Literals(["starting", "ready", "failed"]),
      /** The generation that it was built for. */
      generation: Schema.Int,
      buildMillis: Schema.Finite,
    }),
  ),
  /** Newest first. More than one while requests hold older generations. */
  generations: Schema.Array(
    Schema.Struct({ number: Schema.Int, revision: Schema.Int, pins: Schema.Int, ageMillis: Schema.Finite }),
  ),
  /** Replaced services whose finalizers have not ended, oldest first. After 10 seconds such a service no longer delays others. */
  releasing: Schema.Array(
    Schema.Struct({ name: Schema.String, generation: Schema.Int, ageMillis: Schema.Finite }),
  ).pipe(Schema.withDecodingDefaultKey(Effect.succeed([])), Schema.withConstructorDefault(Effect.succeed([]))),
  /** The number of waiting and running changes. */
  queued: Schema.Int,
  /** The subscribers of events and their lag. */
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
