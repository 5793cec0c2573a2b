/** A host that reads settings and services: this file must compile. */
import type { EventBus } from "@signalbox/core/EventBus"
import type { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Context, Effect, Layer, Schema, type Scope, Stream } from "effect"

export class ProviderSettings extends Setting.Service<ProviderSettings>()(
  "app/ProviderSettings",
  Schema.Record(Schema.String, Schema.Struct({ url: Schema.String })),
) {}
export class ModelSettings extends Setting.Service<ModelSettings>()(
  "app/ModelSettings",
  Schema.Record(Schema.String, Schema.String),
) {}
export class RetentionPolicy extends Setting.Service<RetentionPolicy>()(
  "app/RetentionPolicy",
  Schema.Struct({ days: Schema.Int }),
) {}

// Ordinary Effect services without code for reloading.
export class LlmClients extends Context.Service<LlmClients, { readonly name: string }>()("app/LlmClients") {
  static readonly layer = Layer.effect(
    LlmClients,
    Effect.gen(function* () {
      const providers = yield* ProviderSettings.get
      if (Object.keys(providers).length === 0) return yield* Effect.fail("no provider" as const)
      return LlmClients.of({
        name: Object.values(providers)
          .map((provider) => provider.url)
          .join(),
      })
    }),
  )
}
export class Router extends Context.Service<Router, { readonly resolve: (alias: string) => string }>()("app/Router") {
  static readonly layer = Layer.effect(
    Router,
    Effect.gen(function* () {
      const clients = yield* LlmClients
      const models = yield* ModelSettings.get
      return Router.of({ resolve: (alias) => `${models[alias]}@${clients.name}` })
    }),
  )
}
// A long-lived service: built once, follows its setting.
export const sweeper = Layer.effectDiscard(
  RetentionPolicy.changes.pipe(
    Stream.runForEach((policy) => Effect.logDebug(`keeping ${policy.days} days`)),
    Effect.forkScoped,
  ),
)

export class Services extends ServiceGraph.Service<Services>()("app/Services", {
  nodes: [
    ServiceGraph.node(LlmClients, { needs: [ProviderSettings], layer: LlmClients.layer }),
    ServiceGraph.node(Router, { needs: [ModelSettings, LlmClients], layer: Router.layer }),
  ],
}) {}

// The handler of a request yields the service.
export const handler = Effect.map(Router, (router) => router.resolve("fast"))
export const pinned: Effect.Effect<string, never, Services> = Services.provide(handler)
export const pinnedStream: Stream.Stream<string, never, Services> = ServiceGraph.provideStream(
  Services,
  Stream.fromEffect(handler),
)
export type Provided = ServiceGraph.Provided<typeof Services>
export const context: Effect.Effect<Context.Context<Provided>, never, Services | Scope.Scope> = Services.pin
export const routerOf: (context: Context.Context<Provided>) => Router["Service"] = Context.get(Router)
export const graph: Layer.Layer<Services, "no provider", ProviderSettings | ModelSettings | Reconciler | EventBus> =
  Services.layer
export const graphInBackground: Layer.Layer<Services, never, ProviderSettings | ModelSettings | Reconciler | EventBus> =
  ServiceGraph.layerBackground(Services)

// One client for each provider; a change of one does not touch the others.
export class Client extends Context.Service<Client, { readonly ask: Effect.Effect<string> }>()("app/Client") {}
export class Clients extends Context.Service<Clients, ReadonlyMap<string, Client["Service"]>>()("app/Clients") {}
export class ByProvider extends ServiceGraph.Service<ByProvider>()("app/ByProvider", {
  nodes: [
    ServiceGraph.each(Clients, {
      over: ProviderSettings,
      member: Client,
      layer: (provider, key) => Layer.succeed(Client)({ ask: Effect.succeed(`${key} at ${provider.url}`) }),
    }),
  ],
}) {}
export const answers: Effect.Effect<number, never, ByProvider> = ByProvider.provide(
  Effect.map(Clients, (clients) => clients.size),
)
