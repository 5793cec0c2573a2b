/**
 * A small host for tests and benchmarks: the admin API and its event feed over a real socket on a free port, with document, ledger and keys in
 * memory. No gateway, no files, no life of its own: it serves as long as its Scope is open.
 */
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
import { Effect, Layer, Redacted } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { serveEffect } from "effect/http/HttpServer"
import * as Admin from "../Admin.ts"
import { HostConfig, settings } from "../HostConfig.ts"
import { HostHealth } from "../HostHealth.ts"

export class Services extends ServiceGraph.Service<Services>()("@signalbox/server/testing/Services", {
  nodes: [Models.node],
}) {}

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

/** With all that is in it, the `HttpServer` too, which says where it listens. `health` is what a host with a socket of its own would say. */
export const layer = (token: string, health: HostHealth["Service"]) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpRouter.toHttpEffect(Layer.mergeAll(Admin.Guard.layer, Admin.layer(Services))), (app) =>
      serveEffect(app),
    ),
  ).pipe(
    Layer.provide([Layer.succeed(HostHealth, health), Admin.AdminToken.layer(Redacted.make(token))]),
    Layer.provideMerge(Services.layer),
    Layer.provideMerge(beneath),
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
  )
