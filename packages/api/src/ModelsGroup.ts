/** Models and providers as they are in force, for people and programs that administer them. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"

/** One line of the table of models. */
export const ModelState = Schema.Struct({
  alias: Schema.String,
  provider: Schema.String,
  upstream: Schema.String,
  enabled: Schema.Boolean,
  allowedKeys: Schema.Array(Schema.String),
  /** The registration that it comes from; absent: the document. */
  registeredBy: Schema.optionalKey(Schema.String),
})
export type ModelState = typeof ModelState.Type

/** One provider, without its key. */
export const ProviderState = Schema.Struct({
  id: Schema.String,
  kind: Schema.String,
  baseUrl: Schema.optionalKey(Schema.String),
  /** Whether a key is set; never which. */
  hasKey: Schema.Boolean,
  /** Present while it is down. */
  outage: Schema.optionalKey(
    Schema.Struct({
      reason: Schema.String,
      /** Milliseconds since 1970. */
      since: Schema.Int,
    }),
  ),
})
export type ProviderState = typeof ProviderState.Type

/** Models and providers, and the place of this state in the order of events. */
export const ModelsState = Schema.Struct({
  models: Schema.Array(ModelState),
  providers: Schema.Array(ProviderState),
  /** Where unknown names go; empty: nowhere. */
  defaultAlias: Schema.String,
  cursor: Schema.String,
})
export type ModelsState = typeof ModelsState.Type

/** `/api/models`. */
export class ModelsGroup extends HttpApiGroup.make("models")
  .add(HttpApiEndpoint.get("list", "/models", { success: ModelsState }))
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Models and providers" })) {}
