import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import {
  ConfigStore,
  DefaultModelAlias,
  ModelRegistry,
  ModelSettings,
  Models,
  Narration,
  ProviderSettings,
  Providers,
  ServiceGraph,
  StatsSettings,
} from "@signalbox/core"
import { Credentials } from "@signalbox/core/Credentials"
import { Gateway, RequireKeys, UpstreamClients } from "@signalbox/gateway"
import { NodeStatsLedger, Signalbox } from "@signalbox/node"
import { Console, Layer, Schema } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"

export class Config extends ConfigStore.Service<Config>()("embedding/Config", {
  schema: Schema.Struct({ providers: ProviderSettings.schema, models: ModelSettings.schema }),
  seed: `{
  "providers": { "echo": { "kind": "echo" } },
  "models": { "fast": { "provider": "echo", "upstream": "echo-1" } }
}
`,
}) {}

export class Services extends ServiceGraph.Service<Services>()("embedding/Services", {
  nodes: [Models.node, UpstreamClients.node],
}) {}

const settings = Layer.mergeAll(
  Config.setting(ProviderSettings, (config) => config.providers),
  Config.setting(ModelSettings, (config) => config.models),
  DefaultModelAlias.layer(""),
  RequireKeys.layer(false),
  StatsSettings.layer({ windowMinutes: 60 }),
)

/** It needs an HTTP server, the ledger and the document. */
export const gateway = HttpRouter.serve(Gateway.layer(Services), { disableListenLog: true }).pipe(
  Layer.provide(Services.layer),
  Layer.provide(Layer.mergeAll(Providers.layer, ModelRegistry.layer, Credentials.layerMemory)),
  Layer.provideMerge(settings),
)

const request = `-H "content-type: application/json" -d '{"model":"fast","messages":[{"role":"user","content":"Hello"}]}'`
const hint = Layer.effectDiscard(
  HttpServer.addressFormattedWith((url) =>
    Console.log(`Listening on ${url}. Try:\n  curl ${url}/v1/chat/completions ${request}`),
  ),
)

if (process.argv[1] === import.meta.filename) {
  const port = Number(process.env["PORT"] ?? 4747)
  Signalbox.runMain(
    Layer.mergeAll(hint, Narration.layer(Config)).pipe(
      Layer.provide(gateway),
      Layer.provide(NodeHttpServer.layer(createServer, { port, host: "127.0.0.1" })),
      Layer.provide(NodeStatsLedger.layerFor("embedding")),
      Layer.provide(settings),
      Layer.provide(Config.layer),
      Layer.provide(Signalbox.layerFor("embedding")),
    ),
  )
}
