/** Programs that must not compile: an expectation without an error makes this file fail to compile. */
// @effect-diagnostics *:off — they would report the expected errors a second time
import * as ConfigStore from "@signalbox/core/ConfigStore"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Context, Effect, Layer, Schema } from "effect"
import {
  Client,
  Clients,
  handler,
  LlmClients,
  ModelSettings,
  ProviderSettings,
  RetentionPolicy,
  Router,
  type Services,
} from "./app.ts"

class Unnamed extends ServiceGraph.Service<Unnamed>()("unnamed", {
  nodes: [
    ServiceGraph.node(LlmClients, { needs: [ProviderSettings], layer: LlmClients.layer }),
    // @ts-expect-error: reads LlmClients without naming it
    ServiceGraph.node(Router, { needs: [ModelSettings], layer: Router.layer }),
  ],
}) {}
class Disordered extends ServiceGraph.Service<Disordered>()("disordered", {
  nodes: [
    // @ts-expect-error: named before it is declared
    ServiceGraph.node(Router, { needs: [ModelSettings, LlmClients], layer: Router.layer }),
    ServiceGraph.node(LlmClients, { needs: [ProviderSettings], layer: LlmClients.layer }),
  ],
}) {}
class Twice extends ServiceGraph.Service<Twice>()("twice", {
  nodes: [
    ServiceGraph.node(LlmClients, { needs: [ProviderSettings], layer: LlmClients.layer }),
    // @ts-expect-error: declared twice
    ServiceGraph.node(LlmClients, { needs: [ProviderSettings], layer: LlmClients.layer }),
  ],
}) {}

class Stale extends Context.Service<Stale, { readonly days: number }>()("Stale") {
  static readonly layer = Layer.effect(
    Stale,
    Effect.map(RetentionPolicy.get, (policy) => Stale.of({ days: policy.days })),
  )
}
class Sneaky extends ServiceGraph.Service<Sneaky>()("sneaky", {
  // @ts-expect-error: reads a setting without naming it, so it would never be rebuilt
  nodes: [ServiceGraph.node(Stale, { layer: Stale.layer })],
}) {}

class AppConfig extends ConfigStore.Service<AppConfig>()("config", {
  schema: Schema.Struct({ retention: RetentionPolicy.schema }),
}) {}
const readsStore = Layer.effect(
  Stale,
  Effect.map(
    AppConfig.get((config) => config.retention),
    Stale.of,
  ),
)
class Whole extends ServiceGraph.Service<Whole>()("whole", {
  // @ts-expect-error: reads a whole ConfigStore, so it would go stale with the next revision
  nodes: [ServiceGraph.node(Stale, { layer: readsStore })],
}) {}
class Named extends ServiceGraph.Service<Named>()("named", {
  nodes: [ServiceGraph.node(Stale, { needs: [AppConfig], layer: readsStore })],
}) {}

class WholeRecord extends ServiceGraph.Service<WholeRecord>()("whole-record", {
  nodes: [
    // @ts-expect-error: a member that reads the whole record would go stale when another member changes
    ServiceGraph.each(Clients, {
      over: ProviderSettings,
      member: Client,
      layer: () =>
        Layer.effect(
          Client,
          Effect.map(ProviderSettings.get, () => Client.of({ ask: Effect.succeed("") })),
        ),
    }),
  ],
}) {}
ServiceGraph.each(Clients, {
  // @ts-expect-error: not a record
  over: RetentionPolicy,
  member: Client,
  layer: () => Layer.succeed(Client)({ ask: Effect.succeed("") }),
})
// @ts-expect-error: not what the collection holds
ServiceGraph.each(Clients, { over: ProviderSettings, member: Router, layer: () => Router.layer })
// @ts-expect-error: layer of another member
ServiceGraph.each(Clients, { over: ProviderSettings, member: Client, layer: () => Router.layer })

// @ts-expect-error: wrong value
RetentionPolicy.layer({ days: "x" })
// @ts-expect-error: an unpinned handler needs Router, not only Services
export const unpinned: Effect.Effect<string, never, Services> = handler
// @ts-expect-error: layer of another service
ServiceGraph.node(Router, { needs: [ProviderSettings], layer: LlmClients.layer })
// @ts-expect-error: the class must be named
class Nameless extends Setting.Service()("nameless", Schema.Int) {}

export { Disordered, Named, Nameless, Sneaky, Twice, Unnamed, Whole, WholeRecord }
