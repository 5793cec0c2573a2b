/**
 * What ModelRegistry and Providers say: facts about the table of models and about providers. They carry names and the names of the fields
 * that differ; never a credential, never who may use a model. Whoever folds them over the table as it was holds the table as it is.
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

/** An alias that was not in the table. */
export class ModelAdded extends Event.Class<ModelAdded>()("model.added", model) {}

/** The fields of a model by which it can change, as a document spells them. */
export const ModelField = Schema.Literals(["provider", "upstream", "enabled", "allowed_keys"])
export type ModelField = typeof ModelField.Type

/** The model as it is now, and what differs from before. */
export class ModelChanged extends Event.Class<ModelChanged>()("model.changed", {
  ...model,
  changed: Schema.NonEmptyArray(ModelField),
}) {}

/** The model as it was. */
export class ModelRemoved extends Event.Class<ModelRemoved>()("model.removed", model) {}

/** What can happen to the table of models. */
export type ModelEvent = ModelAdded | ModelChanged | ModelRemoved

/** A provider that the settings did not have. */
export class ProviderAdded extends Event.Class<ProviderAdded>()("provider.added", {
  provider: Schema.String,
  kind: Schema.String,
}) {}

/** The fields of a provider by which it can change, as a document spells them. */
export const ProviderField = Schema.Literals(["kind", "base_url", "api_key"])
export type ProviderField = typeof ProviderField.Type

/** Other settings for a provider; which, but not what they hold. */
export class ProviderChanged extends Event.Class<ProviderChanged>()("provider.changed", {
  provider: Schema.String,
  kind: Schema.String,
  changed: Schema.NonEmptyArray(ProviderField),
}) {}

/** A provider that the settings have no more. */
export class ProviderRemoved extends Event.Class<ProviderRemoved>()("provider.removed", { provider: Schema.String }) {}

/** The provider is down from here on: once for each outage. The reason is bounded and without the providers' keys. */
export class ProviderFailed extends Event.Class<ProviderFailed>()("provider.failed", {
  provider: Schema.String,
  reason: Schema.String,
}) {}

/** The provider is no longer held to be down: it answered, or has other settings now. */
export class ProviderRecovered extends Event.Class<ProviderRecovered>()("provider.recovered", {
  provider: Schema.String,
}) {}
