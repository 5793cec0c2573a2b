import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, it } from "@effect/vitest"
import { ConfigStore, EventBus, Reconciler, StatsLedger, StatsSettings } from "@signalbox/core"
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
    ConfigStore.layerMemory(Config, {
      providers: { echo: { kind: "echo" } },
      models: { fast: Model.make({ provider: "echo", upstream: "echo-1" }) },
    }),
  ),
  Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
)

it.live("serves requests with the program of the README, which follows its document", () =>
  Effect.gen(function* () {
    const client = yield* openai()
    const response = yield* Effect.promise(() => client.chat.completions.create(ask("hello there")))
    assert.strictEqual(response.choices[0]?.message.content, "hello there")
    const config = yield* Config
    yield* config.update([{ path: "/models/quick", value: { provider: "echo", upstream: "echo-2" } }])
    const quick = yield* Effect.promise(() => client.chat.completions.create(ask("hello", "quick")))
    assert.strictEqual(quick.model, "quick")
  }).pipe(Effect.provide(host), Effect.scoped),
)

/** The program as a process, with the lines of its output. */
const started = Effect.acquireRelease(
  Effect.promise(async () => {
    const home = await mkdtemp(join(tmpdir(), "signalbox-embedding-"))
    const program = join(import.meta.dirname, "embedding.ts")
    const child = spawn(process.execPath, ["--conditions=@signalbox/source", program], {
      env: { ...process.env, XDG_DATA_HOME: home, PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    })
    return { child, home, lines: createInterface(child.stdout)[Symbol.asyncIterator]() }
  }),
  ({ child, home }) =>
    Effect.promise(async () => {
      if (child.exitCode === null && child.kill("SIGKILL")) await once(child, "close")
      await rm(home, { recursive: true, force: true })
    }),
)

it.live("prints its address and a working request when the program of the README starts", () =>
  Effect.gen(function* () {
    const { lines } = yield* started
    const next = Effect.promise(() => lines.next())
    const lineWith = (text: string): Effect.Effect<string> =>
      Effect.flatMap(next, ({ done, value }) => {
        if (done === true) return Effect.die(new Error(`it ended before a line with ${text}`))
        return value.includes(text) ? Effect.succeed(value) : lineWith(text)
      })
    const listening = /^Listening on (http:\S+)\. Try:$/.exec(yield* lineWith("Listening"))
    const [, url, data] =
      /curl (\S+) -H "content-type: application\/json" -d '(.*)'$/.exec(yield* lineWith("curl")) ?? []
    assert.strictEqual(url, `${listening?.[1]}/v1/chat/completions`)
    const response = yield* Effect.promise(() =>
      fetch(String(url), { method: "POST", headers: { "content-type": "application/json" }, body: String(data) }),
    )
    assert.include(yield* Effect.promise(() => response.text()), '"content":"Hello"')
  }).pipe(Effect.scoped),
)
