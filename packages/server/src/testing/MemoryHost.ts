/**
 * A small host for tests and benchmarks: the admin API with its event feed on a free port, with document, ledger and keys in memory. It has no gateway
 * and no files, and serves while its Scope is open.
 */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
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

const services = Layer.mergeAll(
  ModelRegistry.layer,
  Providers.layer,
  StatsLedger.layerMemory,
  Credentials.layerMemory,
).pipe(
  Layer.provideMerge(settings),
  Layer.provideMerge(HostConfig.layer),
  Layer.provideMerge(MemoryConfigSource.layer),
  Layer.provideMerge(Reconciler.layer),
  Layer.provideMerge(EventBus.layer),
)

/** Provides all its services, including the `HttpServer` with its address. `health` stands in for the health of a complete host. */
export const layer = (token: string, health: HostHealth["Service"]) =>
  Layer.effectDiscard(
    Effect.flatMap(HttpRouter.toHttpEffect(Layer.mergeAll(Admin.Guard.layer, Admin.layer(Services))), (app) =>
      serveEffect(app),
    ),
  ).pipe(
    Layer.provide([Layer.succeed(HostHealth, health), Admin.AdminToken.layer(Redacted.make(token))]),
    Layer.provideMerge(Services.layer),
    Layer.provideMerge(services),
    Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0, host: "127.0.0.1" })),
  )
