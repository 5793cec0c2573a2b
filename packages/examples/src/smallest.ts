import { ConfigStore, Narration, ServiceGraph, Setting } from "@signalbox/core"
import { Signalbox } from "@signalbox/node"
import { Context, Effect, Layer, Schema } from "effect"

class Providers extends Setting.Service<Providers>()("hello/Providers", Schema.Record(Schema.String, Schema.String)) {}
class Models extends Setting.Service<Models>()("hello/Models", Schema.Record(Schema.String, Schema.String)) {}
class AppConfig extends ConfigStore.Service<AppConfig>()("hello/AppConfig", {
  schema: Schema.Struct({ providers: Providers.schema, models: Models.schema }),
  seed: `{
  "providers": { "openai": "https://api.openai.com/v1" },
  "models": { "fast": "gpt-4.1-mini" } // alias: upstream
}\n`,
}) {}

// Ordinary Effect services: nothing in them knows about reloading.
class Clients extends Context.Service<Clients, ReadonlyArray<string>>()("hello/Clients") {
  static readonly layer = Layer.effect(Clients, Effect.map(Providers.get, Object.values))
}
class Router extends Context.Service<Router, (alias: string) => string>()("hello/Router") {
  static readonly layer = Layer.effect(
    Router,
    Effect.zipWith(Models.get, Clients, (models, clients) => (alias: string) => `${models[alias]} at ${clients}`),
  )
}
class Services extends ServiceGraph.Service<Services>()("hello/Services", {
  nodes: [
    ServiceGraph.node(Clients, { needs: [Providers], layer: Clients.layer }),
    ServiceGraph.node(Router, { needs: [Models, Clients], layer: Router.layer }),
  ],
}) {}

const host = Layer.mergeAll(Services.layer, Narration.layer(AppConfig)).pipe(
  Layer.provide(AppConfig.setting(Providers, (config) => config.providers)),
  Layer.provide(AppConfig.setting(Models, (config) => config.models)),
  Layer.provide(AppConfig.layer),
  Layer.provide(Signalbox.layerFor("signalbox-hello")),
)
Signalbox.runMain(host)
