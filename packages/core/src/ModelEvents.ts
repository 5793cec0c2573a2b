/**
 * The events of ModelRegistry and Providers. They carry names and the names of changed fields: never a credential, and never the ids of keys
 * that may use a model. A subscriber that applies them in order to an earlier table has the current table.
 */
import { Schema } from "effect"
import * as Event from "./Event.ts"

const model = {
  alias: Schema.String,
  provider: Schema.String,
  /** The model id that the provider knows. */
  upstream: Schema.String,
  enabled: Schema.Boolean,
}

/** An alias was added to the table. */
export class ModelAdded extends Event.Class<ModelAdded>()("model.added", model) {}

/** The fields of a model that can change, as a document spells them. */
export const ModelField = Schema.Literals(["provider", "upstream", "enabled", "allowed_keys"])
export type ModelField = typeof ModelField.Type

/** A model changed. The event has the new model and the names of the changed fields. */
export class ModelChanged extends Event.Class<ModelChanged>()("model.changed", {
  ...model,
  changed: Schema.NonEmptyArray(ModelField),
}) {}

/** An alias was removed from the table. The event has the model as it was. */
export class ModelRemoved extends Event.Class<ModelRemoved>()("model.removed", model) {}

/** Any event about the table of models. */
export type ModelEvent = ModelAdded | ModelChanged | ModelRemoved

/** A provider was added to the settings. */
export class ProviderAdded extends Event.Class<ProviderAdded>()("provider.added", {
  provider: Schema.String,
  kind: Schema.String,
}) {}

/** The fields of a provider that can change, as a document spells them. */
export const ProviderField = Schema.Literals(["kind", "base_url", "api_key"])
export type ProviderField = typeof ProviderField.Type

/** The settings of a provider changed. The event has the names of the changed fields, not their values. */
export class ProviderChanged extends Event.Class<ProviderChanged>()("provider.changed", {
  provider: Schema.String,
  kind: Schema.String,
  changed: Schema.NonEmptyArray(ProviderField),
}) {}

/** A provider was removed from the settings. */
export class ProviderRemoved extends Event.Class<ProviderRemoved>()("provider.removed", { provider: Schema.String }) {}

/** A provider went down; published once per outage. The reason is bounded and holds no key of any provider. */
export class ProviderFailed extends Event.Class<ProviderFailed>()("provider.failed", {
  provider: Schema.String,
  reason: Schema.String,
}) {}

/** An outage ended: a request succeeded, or the provider's settings changed. */
export class ProviderRecovered extends Event.Class<ProviderRecovered>()("provider.recovered", {
  provider: Schema.String,
}) {}
