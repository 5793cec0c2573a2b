/** A host that provides its settings from a configuration: this file must compile. */
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import type { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import type { EventBus } from "@signalbox/core/EventBus"
import type { Reconciler } from "@signalbox/core/Reconciler"
import { type Effect, Layer, Schema } from "effect"
import { ModelSettings, ProviderSettings, RetentionPolicy, Services, sweeper } from "./app.ts"

export class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
  schema: Schema.Struct({
    providers: ProviderSettings.schema,
    models: ModelSettings.schema,
    retention: RetentionPolicy.schema,
  }),
}) {}

export const settings: Layer.Layer<ProviderSettings | ModelSettings | RetentionPolicy, never, AppConfig> =
  Layer.mergeAll(
    AppConfig.setting(ProviderSettings, (config) => config.providers),
    AppConfig.setting(ModelSettings, (config) => config.models),
    AppConfig.setting(RetentionPolicy, (config) => config.retention),
  )
export const app: Layer.Layer<
  Services | AppConfig,
  "no provider" | ConfigStoreError,
  ConfigSource | Reconciler | EventBus
> = Layer.mergeAll(Services.layer, sweeper).pipe(Layer.provide(settings), Layer.provideMerge(AppConfig.layer))

export const inMemory: Layer.Layer<Services | AppConfig, "no provider", Reconciler | EventBus> = Layer.mergeAll(
  Services.layer,
  sweeper,
).pipe(
  Layer.provide(settings),
  Layer.provideMerge(
    ConfigStore.layerMemory(AppConfig, {
      providers: { local: { url: "a" } },
      models: { fast: "m" },
      retention: { days: 1 },
    }),
  ),
)

export const days: Effect.Effect<number, never, AppConfig> = AppConfig.get((config) => config.retention.days)
export const version: number = AppConfig.version
