import { readFile } from "node:fs/promises"
import { createServer } from "node:http"
import { join } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { EventBus, Reconciler, StatsLedger, StatsSettings } from "@signalbox/core"
import { Model } from "@signalbox/core/ModelRegistry"
import { Effect, Layer } from "effect"
import { Config, gateway } from "./embedding.ts"
import { ask, openai } from "./GatewayHost.ts"

const host = gateway.pipe(
  Layer.provideMerge(
    NodeHttpServer.layerServer(createServer, { port: 0, host: "127.0.0.1", gracefulShutdownTimeout: 0 }),
  ),
  Layer.provide(StatsLedger.layerMemory),
  Layer.provide(StatsSettings.layer({ windowMinutes: 60 })),
  Layer.provideMerge(
    Config.layerMemory({
      providers: { echo: { kind: "echo" } },
      models: { fast: Model.make({ provider: "echo", upstream: "echo-1" }) },
    }),
  ),
  Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
)

it.live("the program of the README answers, and follows its document", () =>
  Effect.gen(function* () {
    const client = yield* openai()
    const answer = yield* Effect.promise(() => client.chat.completions.create(ask("hello there")))
    assert.strictEqual(answer.choices[0]?.message.content, "hello there")
    const config = yield* Config
    yield* config.update([{ path: "/models/quick", value: { provider: "echo", upstream: "echo-2" } }])
    const quick = yield* Effect.promise(() => client.chat.completions.create(ask("hello", "quick")))
    assert.strictEqual(quick.model, "quick")
  }).pipe(Effect.provide(host), Effect.scoped),
)

it("the README quotes it", async () => {
  const program = await readFile(join(import.meta.dirname, "embedding.ts"), "utf8")
  const readme = await readFile(join(import.meta.dirname, "../README.md"), "utf8")
  assert.include(readme, program.trimEnd())
})
