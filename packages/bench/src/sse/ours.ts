/** The whole admin API over services in memory. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { ModelRegistry } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import * as Admin from "@signalbox/server/Admin"
import { HostHealth } from "@signalbox/server/Host/Health"
import { HostConfig, settings } from "@signalbox/server/HostConfig"
import { Effect, Layer, Redacted } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { HttpServer, serveEffect } from "effect/http/HttpServer"
import { burst } from "./events.ts"
import { serve } from "./Peer.ts"

class Services extends ServiceGraph.Service<Services>()("bench/Services", { nodes: [Models.node] }) {}

const health = Layer.succeed(
  HostHealth,
  HostHealth.of({
    health: Effect.succeed({ status: "ok", version: "0.0.0", pid: process.pid }),
    ready: Effect.succeed(true),
    degraded: Effect.succeed([]),
  }),
)

const beneath = Layer.mergeAll(
  ModelRegistry.layer,
  Providers.layer,
  StatsLedger.layerMemory,
  Credentials.layerMemory,
).pipe(
  Layer.provideMerge(settings),
  Layer.provideMerge(HostConfig.layer),
  Layer.provideMerge(ConfigSource.layerMemory),
  Layer.provideMerge(Reconciler.layer),
  Layer.provideMerge(EventBus.layer),
)

const host = Layer.effectDiscard(
  Effect.gen(function* () {
    const app = yield* HttpRouter.toHttpEffect(Layer.mergeAll(Admin.Guard.layer, Admin.layer(Services)))
    yield* serveEffect(app)
    const { address } = yield* HttpServer
    const bus = yield* EventBus
    const publish = Effect.runForkWith(yield* Effect.context<never>())
    if (address._tag !== "UnixPathAddress") serve(address.port, () => void publish(bus.publishAll(burst)))
  }),
).pipe(
  Layer.provide(Layer.mergeAll(health, Admin.AdminToken.layer(Redacted.make("bench")), Services.layer)),
  Layer.provide(beneath),
  Layer.provide(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
)

Effect.runFork(Layer.launch(host))
