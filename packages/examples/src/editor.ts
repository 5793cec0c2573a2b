/**
 * An editor server: JSON-RPC 2.0 over stdio, one message per line. `chat` replies through the model of an alias. The chat command `/reload>`
 * returns the changes of the configuration. Each request keeps the generation with which it began.
 *
 *     node --conditions=@signalbox/source packages/examples/src/editor.ts [config.json]
 */
import { NodeStdio } from "@effect/platform-node"
import { ConfigStore, changeSummary, reloadFailed, ServiceGraph, Setting } from "@signalbox/core"
import { Signalbox } from "@signalbox/node"
import { Context, Effect, Layer, Logger, Schema } from "effect"
import { Rpc, RpcGroup, RpcSerialization, RpcServer } from "effect/rpc"

class Models extends Setting.Service<Models>()("editor/Models", Schema.Record(Schema.String, Schema.String)) {}

class EditorConfig extends ConfigStore.Service<EditorConfig>()("editor/Config", {
  schema: Schema.Struct({ models: Models.schema }),
  seed: `{
  "models": {
    "chat": "gpt-4.1" // alias: upstream
  }
}
`,
}) {}

class Chat extends Context.Service<Chat, (prompt: string) => string>()("editor/Chat") {
  // A real one would hold a client; this one returns the name of the model that it would ask.
  static readonly layer = Layer.effect(
    Chat,
    Effect.map(Models.get, (models) => (prompt: string) => `${models["chat"] ?? "no model"}: ${prompt}`),
  )
}

class Services extends ServiceGraph.Service<Services>()("editor/Services", {
  nodes: [ServiceGraph.node(Chat, { needs: [Models], layer: Chat.layer })],
}) {}

const reload = Effect.flatMap(EditorConfig, (config) => config.reload()).pipe(
  Effect.match({ onFailure: reloadFailed, onSuccess: changeSummary }),
)

const Api = RpcGroup.make(Rpc.make("chat", { payload: { text: Schema.String }, success: Schema.String }))

const handlers = Api.toLayer({
  chat: ({ text }) => (text.trim() === "/reload>" ? reload : Services.provide(Effect.map(Chat, (chat) => chat(text)))),
})

const [path] = process.argv.slice(2)
const server = RpcServer.layer(Api).pipe(
  Layer.provide(handlers),
  Layer.provide(Services.layer),
  Layer.provide(EditorConfig.setting(Models, (config) => config.models)),
  Layer.provide(EditorConfig.layer),
  Layer.provide(path === undefined ? Signalbox.layerFor("signalbox-editor") : Signalbox.layerAt(path)),
  Layer.provide(RpcServer.layerProtocolStdio),
  Layer.provide([RpcSerialization.layerNdJsonRpc(), NodeStdio.layer]),
  // Standard output belongs to the protocol.
  Layer.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
)
Signalbox.runMain(server)
