/** The gateway as a host has it: document, graph, pins, keys that are required, and the ledger on disk. */
import { mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { DefaultModelAlias, Model, ModelRegistry, ModelSettings } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { ProviderSettings, Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { StatsSettings } from "@signalbox/core/StatsLedger"
import { Gateway, RequireKeys, UpstreamClients } from "@signalbox/gateway"
import * as NodeStatsLedger from "@signalbox/node/NodeStatsLedger"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Layer, Redacted, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import { report } from "./process.ts"

class Config extends ConfigStore.Service<Config>()("bench/Config", {
  schema: Schema.Struct({
    providers: ProviderSettings.schema,
    models: ModelSettings.schema,
    default_model_alias: DefaultModelAlias.schema,
    require_keys: RequireKeys.schema,
  }),
}) {}

class Services extends ServiceGraph.Service<Services>()("bench/Services", {
  nodes: [Models.node, UpstreamClients.node],
}) {}

const settings = Layer.mergeAll(
  Config.setting(ProviderSettings, (config) => config.providers),
  Config.setting(ModelSettings, (config) => config.models),
  Config.setting(DefaultModelAlias, (config) => config.default_model_alias),
  Config.setting(RequireKeys, (config) => config.require_keys),
  StatsSettings.layer({ windowMinutes: 60 }),
)

const directory = mkdtempSync(join(tmpdir(), "signalbox-bench-"))
process.on("exit", () => rmSync(directory, { recursive: true, force: true }))

const ready = Layer.effectDiscard(
  Effect.gen(function* () {
    const { address } = yield* HttpServer.HttpServer
    const { secret } = yield* (yield* Credentials).add({ id: "bench" })
    if (address._tag === "UnixPathAddress") return
    report({ port: address.port, headers: { authorization: `Bearer ${Redacted.value(secret)}` } })
  }),
)

const keepAlive = () => {
  const server = createServer()
  server.keepAliveTimeout = 60_000
  return server
}

const host = ready.pipe(
  Layer.provide(HttpRouter.serve(Gateway.layer(Services), { disableLogger: true, disableListenLog: true })),
  Layer.provide(NodeHttpServer.layerServer(keepAlive, { port: 0, host: "127.0.0.1" })),
  Layer.provide(Services.layer),
  Layer.provide(
    Layer.mergeAll(
      Providers.layer,
      ModelRegistry.layer,
      NodeStatsLedger.layerAt(join(directory, "ledger")),
      Credentials.layerMemory,
    ),
  ),
  Layer.provide(settings),
  Layer.provide(
    ConfigStore.layerMemory(Config, {
      providers: {
        main: {
          kind: "openai",
          baseUrl: `http://127.0.0.1:${process.argv[2]}/v1`,
          apiKey: Redacted.make("sk-proj-of-the-provider-0123456789"),
        },
      },
      models: { fast: Model.make({ provider: "main", upstream: "gpt-4.1-mini" }) },
      default_model_alias: "",
      require_keys: true,
    }),
  ),
  Layer.provide(Reconciler.layer),
  Layer.provide(EventBus.layer),
)
Signalbox.runMain(host)
