/** The models and providers in force. */
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, OpenApi } from "effect/http-api"

/** One line of the table of models. */
export const ModelState = Schema.Struct({
  alias: Schema.String,
  provider: Schema.String,
  upstream: Schema.String,
  enabled: Schema.Boolean,
  allowedKeys: Schema.Array(Schema.String),
  /** The registration that provides it. Absent for models of the document. */
  registeredBy: Schema.optionalKey(Schema.String),
})
export type ModelState = typeof ModelState.Type

/** One provider, without its key. */
export const ProviderState = Schema.Struct({
  id: Schema.String,
  kind: Schema.String,
  baseUrl: Schema.optionalKey(Schema.String),
  /** Whether a key is set. */
  hasKey: Schema.Boolean,
  /** Present while the provider is down. */
  outage: Schema.optionalKey(
    Schema.Struct({
      reason: Schema.String,
      /** Milliseconds since 1970. */
      since: Schema.Int,
    }),
  ),
})
export type ProviderState = typeof ProviderState.Type

/** Models, providers and the cursor of this state. */
export const ModelsState = Schema.Struct({
  models: Schema.Array(ModelState),
  providers: Schema.Array(ProviderState),
  /** The alias for unknown names. Empty to refuse them. */
  defaultAlias: Schema.String,
  cursor: Schema.String,
})
export type ModelsState = typeof ModelsState.Type

/** `/api/models`. */
export class ModelsGroup extends HttpApiGroup.make("models")
  .add(HttpApiEndpoint.get("list", "/models", { success: ModelsState }))
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Models and providers" })) {}
