/** Effect's own HTTP server with one route: the reference for a host. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Console, Effect, Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"

const route = HttpRouter.add("GET", "/healthz", Effect.succeed(HttpServerResponse.jsonUnsafe({ status: "ok" })))

const said = Layer.effectDiscard(
  Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
    Console.log(`listens on http://127.0.0.1:${"port" in address ? address.port : 0}`),
  ),
)

const server = HttpRouter.serve(route, { disableLogger: true, disableListenLog: true }).pipe(
  Layer.provideMerge(said),
  Layer.provide(NodeHttpServer.layer(() => createServer(), { port: 0, host: "127.0.0.1" })),
)

NodeRuntime.runMain(Layer.launch(server))
