import { createServer, type Server } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { DefaultModelAlias, Model, ModelRegistry, ModelSettings } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { ProviderSettings, Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Gateway, RequireKeys, UpstreamClient, UpstreamClients } from "@signalbox/gateway"
import { Context, Deferred, Effect, Fiber, Latch, Layer } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { TestClock } from "effect/testing"
import { maxConnections } from "../src/internal/OpenAi.ts"
import { ask, gateway, Services } from "./GatewayHost.ts"
import { errorIn, raw } from "./Raw.ts"

class Gate extends Context.Service<Gate, Latch.Latch>()("test/Gate") {}

/** Builds its client when the gate opens. */
class SlowServices extends ServiceGraph.Service<SlowServices>()("test/SlowServices", {
  nodes: [
    Models.node,
    ServiceGraph.each(UpstreamClients, {
      over: ProviderSettings,
      member: UpstreamClient,
      layer: (provider, name) =>
        Layer.unwrap(
          Effect.map(
            Effect.flatMap(Gate, (gate) => gate.await),
            () => UpstreamClient.layerFor(provider, name),
          ),
        ),
    }),
  ],
}) {}

const starting = (server: Server, gate: Latch.Latch) =>
  HttpRouter.serve(Gateway.layer(SlowServices), { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provideMerge(NodeHttpServer.layerServer(() => server, { port: 0, host: "127.0.0.1" })),
    Layer.provideMerge(ServiceGraph.layerBackground(SlowServices)),
    Layer.provideMerge(
      Layer.mergeAll(Providers.layer, ModelRegistry.layer, StatsLedger.layerMemory, Credentials.layerMemory),
    ),
    Layer.provide(Layer.succeed(Gate, gate)),
    Layer.provideMerge(
      Layer.mergeAll(
        Setting.layerFrom(ProviderSettings, { echo: { kind: "echo" } }),
        Setting.layerFrom(ModelSettings, { fast: Model.make({ provider: "echo", upstream: "echo-1" }) }),
        Setting.layerFrom(DefaultModelAlias, ""),
        RequireKeys.layer(false),
        StatsSettings.layer({ windowMinutes: 60 }),
      ),
    ),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
  )

const post = raw({ body: JSON.stringify(ask("hello")) })

it.effect("waits up to five seconds for services that are still starting", () =>
  Effect.gen(function* () {
    const gate = yield* Latch.make()
    const server = createServer()
    yield* Effect.gen(function* () {
      // This listener runs after the gateway's, so the request waits by then.
      const arrived = Effect.suspend(() => {
        const done = Deferred.makeUnsafe<void>()
        server.once("request", () => Deferred.doneUnsafe(done, Effect.void))
        return Effect.succeed(done)
      })
      const first = yield* arrived
      const patient = yield* Effect.forkChild(post)
      yield* Deferred.await(first)
      yield* TestClock.adjust("5 seconds")
      const response = yield* Fiber.join(patient)
      assert.deepStrictEqual(
        [response.status, errorIn(response).code, response.headers["retry-after"]],
        [503, "starting", "1"],
      )

      const second = yield* arrived
      const lucky = yield* Effect.forkChild(post)
      yield* Deferred.await(second)
      yield* gate.open
      assert.strictEqual((yield* Fiber.join(lucky)).status, 200)
    }).pipe(Effect.provide(starting(server, gate)))
  }).pipe(Effect.scoped),
)

it.live("refuses requests to a provider with the maximum in flight", () =>
  Effect.gen(function* () {
    const clients = yield* Services.provide(Effect.map(UpstreamClients, (clients) => clients))
    const { load } = clients.get("echo")!
    load.inFlight = maxConnections
    const busy = yield* post
    assert.deepStrictEqual([busy.status, errorIn(busy).code, busy.headers["retry-after"]], [503, "provider_busy", "1"])
    load.inFlight = maxConnections - 1
    assert.strictEqual((yield* post).status, 200)
    assert.strictEqual(load.inFlight, maxConnections - 1)
  }).pipe(
    Effect.provide(
      gateway({ providers: { echo: { kind: "echo" } }, models: { fast: { provider: "echo", upstream: "echo-1" } } }),
    ),
    Effect.scoped,
  ),
)
