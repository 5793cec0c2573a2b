/**
 * A host with every part: secrets, models from the document and from a plugin, one client for each provider, usage statistics, retention.
 * The graph's nodes are replaced while it runs. Everything else lives as long as the host and follows its settings.
 *
 *     node --conditions=@signalbox/source packages/examples/src/whole.ts
 */
import {
  ConfigStore,
  DefaultModelAlias,
  HistoryRetention,
  LedgerRetention,
  ModelRegistry,
  ModelSettings,
  Models,
  Narration,
  ProviderSettings,
  Providers,
  Retention,
  RetentionPolicy,
  ServiceGraph,
  StatsLedger,
  StatsSettings,
} from "@signalbox/core"
import { NodeStatsLedger, Signalbox } from "@signalbox/node"
import { Context, Effect, Layer, Schema } from "effect"

// The document has one part for each setting. A secret is a `Schema.RedactedFromValue`, such as `api_key` in ProviderSettings.
export class WholeConfig extends ConfigStore.Service<WholeConfig>()("whole/Config", {
  schema: Schema.Struct({
    providers: ProviderSettings.schema,
    models: ModelSettings.schema,
    default_model_alias: DefaultModelAlias.schema,
    retention: RetentionPolicy.schema,
    stats: StatsSettings.schema,
  }),
  environmentPrefix: "WHOLE",
  seed: `{
  "providers": { "echo": { "kind": "echo" } },
  "models": { "fast": { "upstream": "echo-1", "provider": "echo" } },
  "retention": { "ledger_days": 30 },
  "stats": { "window_minutes": 60 }
}
`,
}) {}

export const settings = Layer.mergeAll(
  WholeConfig.setting(ProviderSettings, (config) => config.providers),
  WholeConfig.setting(ModelSettings, (config) => config.models),
  WholeConfig.setting(DefaultModelAlias, (config) => config.default_model_alias),
  WholeConfig.setting(RetentionPolicy, (config) => config.retention),
  WholeConfig.setting(StatsSettings, (config) => config.stats),
)

/** A connection to one provider. A real one would hold a pool of sockets in its Scope. */
export class Client extends Context.Service<Client, (upstream: string, prompt: string) => Effect.Effect<string>>()(
  "whole/Client",
) {}
export class Clients extends Context.Service<Clients, ReadonlyMap<string, Client["Service"]>>()("whole/Clients") {}

export class Chat extends Context.Service<
  Chat,
  { readonly ask: (alias: string, prompt: string) => Effect.Effect<string, unknown> }
>()("whole/Chat") {
  static readonly layer = Layer.effect(
    Chat,
    Effect.gen(function* () {
      const models = yield* Models
      const clients = yield* Clients
      const ledger = yield* StatsLedger
      return Chat.of({
        ask: Effect.fn("Chat.ask")(function* (alias, prompt) {
          const { provider, upstream } = yield* models.resolve(alias)
          const client = clients.get(provider)
          if (client === undefined)
            return yield* Effect.fail(`provider ${provider} does not exist: add it to providers`)
          const reply = yield* client(upstream, prompt)
          yield* ledger.record({
            provider,
            model: alias,
            upstream,
            bytesSent: prompt.length,
            bytesReceived: reply.length,
          })
          return reply
        }),
      })
    }),
  )
}

export class Services extends ServiceGraph.Service<Services>()("whole/Services", {
  nodes: [
    Models.node,
    // One client for each provider: a new key of one provider does not affect the others.
    ServiceGraph.each(Clients, {
      over: ProviderSettings,
      member: Client,
      layer: (settings, name) =>
        Layer.succeed(Client, (upstream, prompt) => Effect.succeed(`${name}/${settings.kind}/${upstream}: ${prompt}`)),
    }),
    ServiceGraph.node(Chat, { needs: [Models, Clients], layer: Chat.layer }),
  ],
}) {}

/** A plugin: its models exist as long as its Scope. Provide it to the services that rely on them. */
export const plugin = Layer.effectDiscard(
  Effect.flatMap(ModelRegistry, (registry) =>
    registry.register({ mirror: { upstream: "mirror-1" } }, { name: "echo" }),
  ),
)

export const body = Services.layer.pipe(
  Layer.provideMerge(plugin),
  Layer.provideMerge(Layer.mergeAll(Providers.layer, ModelRegistry.layer)),
)

/** The document's policy limits the history and the ledger. */
export const stores = Layer.provideMerge(Layer.mergeAll(HistoryRetention.layer, LedgerRetention.layer), Retention.layer)

const host = Layer.mergeAll(body, stores, Narration.layer(WholeConfig)).pipe(
  Layer.provide(NodeStatsLedger.layerFor("signalbox-whole")),
  Layer.provide(settings),
  Layer.provide(WholeConfig.layer),
  Layer.provide(Signalbox.layerFor("signalbox-whole")),
)
if (process.argv[1] === import.meta.filename) Signalbox.runMain(host)
