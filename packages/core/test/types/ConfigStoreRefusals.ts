/** Programs that must not compile: an expectation without an error makes this file fail to compile. */
// @effect-diagnostics *:off — they would report the expected errors a second time
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { Context, Effect, type Layer, Schema } from "effect"
import { RetentionPolicy } from "./app.ts"
import { AppConfig } from "./ConfigStoreApp.ts"

// @ts-expect-error: wrong slice
AppConfig.setting(RetentionPolicy, (config) => config.models)
// @ts-expect-error: no such key
AppConfig.get((config) => config.retenton)
// @ts-expect-error: a configuration is whole
ConfigStore.layerMemory(AppConfig, { providers: {}, models: {} })
export const write = Effect.flatMap(AppConfig, (store) =>
  Effect.map(store.snapshot, (snapshot) => {
    // @ts-expect-error: a snapshot is immutable
    snapshot.revision = 2
  }),
)
// @ts-expect-error: an edit has a value or is a removal
export const neither = Effect.flatMap(AppConfig, (store) => store.update([{ path: "/models" }]))
// @ts-expect-error: the store needs a place, a reconciler and a bus
export const placeless: Layer.Layer<AppConfig> = AppConfig.layer
// @ts-expect-error: the class must be named
class Nameless extends ConfigStore.Service()("nameless", { schema: Schema.Struct({}) }) {}

class Decoder extends Context.Service<Decoder, { readonly decode: (text: string) => string }>()("Decoder") {}
declare const needy: Schema.Codec<string, string, Decoder>
class Needy extends ConfigStore.Service<Needy>()("needy", {
  // @ts-expect-error: a document is decoded without services
  schema: Schema.Struct({ needy }),
}) {}

export { Nameless, Needy }
