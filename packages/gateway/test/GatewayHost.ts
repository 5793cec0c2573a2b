/** A complete gateway for tests: a document in memory, the graph, keys, the ledger, and a real server. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { DefaultModelAlias, ModelRegistry, ModelSettings } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { ProviderSettings, Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Gateway, RequireKeys, UpstreamClients } from "@signalbox/gateway"
import { Clock, type Duration, Effect, Layer, Redacted, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import OpenAI from "openai"

export class GatewayConfig extends ConfigStore.Service<GatewayConfig>()("test/GatewayConfig", {
  schema: Schema.Struct({
    providers: ProviderSettings.schema,
    models: ModelSettings.schema,
    default_model_alias: DefaultModelAlias.schema,
    require_keys: RequireKeys.schema,
  }),
}) {}

const settings = Layer.mergeAll(
  GatewayConfig.setting(ProviderSettings, (config) => config.providers),
  GatewayConfig.setting(ModelSettings, (config) => config.models),
  GatewayConfig.setting(DefaultModelAlias, (config) => config.default_model_alias),
  GatewayConfig.setting(RequireKeys, (config) => config.require_keys),
  StatsSettings.layer({ windowMinutes: 60 }),
)

export class Services extends ServiceGraph.Service<Services>()("test/Services", {
  nodes: [Models.node, UpstreamClients.node],
}) {}

/** Releases old generations at once. */
export class ImpatientServices extends ServiceGraph.Service<ImpatientServices>()("test/ImpatientServices", {
  nodes: [Models.node, UpstreamClients.node],
  drain: 0,
}) {}

export type Document = (typeof GatewayConfig)["schema"]["Encoded"]

/** An offset that a test adds to the real clock. Sleeping is not affected. */
export class TestClockOffset {
  millis = 0
}

const shifted = (offset: TestClockOffset) =>
  Layer.effect(
    Clock.Clock,
    Effect.map(Clock.Clock, (clock) => ({
      ...clock,
      currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + offset.millis,
      currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now + offset.millis),
      currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
      currentTimeNanos: clock.currentTimeNanos,
      sleep: (duration: Duration.Duration) => clock.sleep(duration),
    })),
  )

export interface Options {
  readonly clock?: TestClockOffset
  /** Runs before each entry of the ledger is recorded. */
  readonly beforeRecord?: Effect.Effect<void>
}

const ledger = (beforeRecord: Effect.Effect<void>) =>
  Layer.effect(
    StatsLedger,
    Effect.map(StatsLedger, (ledger) => ({
      ...ledger,
      record: (entry: Parameters<typeof ledger.record>[0]) => Effect.andThen(beforeRecord, ledger.record(entry)),
    })),
  ).pipe(Layer.provide(StatsLedger.layerMemory))

export const gateway = (document: Document, options?: Options) =>
  over(Gateway.layer(Services), Services.layer, document, options)

export const impatientGateway = (document: Document, options?: Options) =>
  over(Gateway.layer(ImpatientServices), ImpatientServices.layer, document, options)

const over = <Graph, R1, E2, R2>(
  routes: Layer.Layer<never, never, R1>,
  graph: Layer.Layer<Graph, E2, R2>,
  document: Document,
  options: Options = {},
) =>
  HttpRouter.serve(routes, { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(
      NodeHttpServer.layerServer(createServer, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: 0 }),
    ),
    Layer.provideMerge(graph),
    Layer.provideMerge(
      Layer.mergeAll(
        Providers.layer,
        ModelRegistry.layer,
        ledger(options.beforeRecord ?? Effect.void),
        Credentials.layerMemory,
      ),
    ),
    Layer.provideMerge(settings),
    Layer.provideMerge(
      Layer.unwrap(Effect.map(decode(document), (initial) => ConfigStore.layerMemory(GatewayConfig, initial))),
    ),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
    Layer.provideMerge(shifted(options.clock ?? new TestClockOffset())),
  )

const decode = (document: Document) => Effect.orDie(Schema.decodeEffect(GatewayConfig.schema)(document))

export const baseUrl = Effect.map(HttpServer.HttpServer, ({ address }) => {
  if (address._tag === "UnixPathAddress") throw new Error("listens on a socket")
  return `http://127.0.0.1:${address.port}/v1`
})

/** OpenAI's library, without retries. */
export const openai = (apiKey = "none") =>
  Effect.map(baseUrl, (baseURL) => new OpenAI({ apiKey, baseURL, maxRetries: 0 }))

export const addKey = (id: string, models?: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const credentials = yield* Credentials
    const { secret } = yield* credentials.add({ id, ...(models === undefined ? {} : { models }) })
    return Redacted.value(secret)
  })

export const ask = (content: string, model = "fast") => ({ model, messages: [{ role: "user" as const, content }] })
