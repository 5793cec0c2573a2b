/** A host's metrics without its server. */
import { createServer } from "node:http"
import { assert, it } from "@effect/vitest"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { ModelRegistry } from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { type LedgerEntryInput, StatsLedger } from "@signalbox/core/StatsLedger"
import { AdminToken } from "@signalbox/server/AdminToken"
import { HostConfig, settings } from "@signalbox/server/HostConfig"
import { Listening } from "@signalbox/server/Listening"
import * as Metrics from "@signalbox/server/Metrics"
import { ConfigProvider, Effect, Layer, Redacted, type Scope } from "effect"
import * as HttpRouter from "effect/http/HttpRouter"
import { fromWeb, HttpServerRequest } from "effect/http/HttpServerRequest"
import { toWeb } from "effect/http/HttpServerResponse"
import { Traffic } from "../src/internal/Traffic.ts"

export class Services extends ServiceGraph.Service<Services>()("test/Services", { nodes: [Models.node] }) {}

export const token = "token-of-the-test"
export const secret = "sk-the-provider-secret"

const listening = Layer.sync(Listening, () =>
  Listening.of({ host: "127.0.0.1", port: 1, url: "http://127.0.0.1:1", traffic: new Traffic(createServer()) }),
)
const services = Services.layer.pipe(
  Layer.provideMerge(
    Layer.mergeAll(ModelRegistry.layer, Providers.layer, StatsLedger.layerMemory, Credentials.layerMemory, listening),
  ),
  Layer.provideMerge(settings),
  Layer.provideMerge(HostConfig.layer),
  Layer.provideMerge(MemoryConfigSource.layer),
  Layer.provideMerge(Reconciler.layer),
  Layer.provideMerge(EventBus.layer),
  Layer.provideMerge(AdminToken.layer(Redacted.make(token))),
  Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} }))),
)
type TestServices = Layer.Success<typeof services>

export const test = (title: string, body: Effect.Effect<void, unknown, TestServices | Scope.Scope>) =>
  it.effect(title, () => Effect.provide(Effect.scoped(body), Layer.fresh(services)))

export const turns = Effect.replicateEffect(Effect.yieldNow, 50, { discard: true })

/** Scrapes like Prometheus. */
export const started = Effect.gen(function* () {
  const app = yield* HttpRouter.toHttpEffect(Metrics.layer(Services))
  yield* turns
  return (headers: Readonly<Record<string, string>> = { authorization: `Bearer ${token}` }) =>
    Effect.gen(function* () {
      const request = fromWeb(new Request("http://localhost/metrics", { headers }))
      const response = toWeb(yield* Effect.provideService(app, HttpServerRequest, request))
      return {
        status: response.status,
        type: response.headers.get("content-type"),
        text: yield* Effect.promise(() => response.text()),
      }
    })
})

export const telemetry = (on: boolean) =>
  Effect.andThen(
    HostConfig.use((store) => store.update([{ path: "/features/telemetry", value: on }])),
    turns,
  )
export const record = (entry: LedgerEntryInput) =>
  Effect.andThen(
    StatsLedger.use((ledger) => ledger.record(entry)),
    turns,
  )
export const call: LedgerEntryInput = {
  provider: "openai",
  model: "fast",
  key: "key_1",
  project: "p",
  inputTokens: 10,
  outputTokens: 5,
  bytesSent: 100,
  bytesReceived: 200,
  cost: 0.25,
  latencyMillis: 700,
  timeToFirstTokenMillis: 40,
}

/** Parses the samples by name and labels. Fails on violations of the format. */
export const samples = (text: string): ReadonlyMap<string, number> => {
  const found = new Map<string, number>()
  const typed = new Set<string>()
  assert.isTrue(text.endsWith("\n"))
  for (const line of text.slice(0, -1).split("\n")) {
    const [, family] = /^# TYPE ([a-z_]+) (?:counter|gauge|histogram)$/.exec(line) ?? []
    if (family !== undefined) {
      assert.isFalse(typed.has(family), `${family} twice`)
      typed.add(family)
    }
    if (line.startsWith("#")) continue
    const [, series, name, value] =
      /^(([a-z_]+)(?:\{[a-z_]+="(?:[^"\\]|\\.)*"(?:,[a-z_]+="(?:[^"\\]|\\.)*")*\})?) ([0-9.e+-]+)$/.exec(line) ?? []
    assert.isDefined(series, line)
    assert.isTrue(typed.has(name!.replace(/_(?:bucket|sum|count)$/, "")) || typed.has(name!), line)
    assert.isFalse(found.has(series!), `${series} twice`)
    found.set(series!, Number(value))
  }
  return found
}
