import { rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Host, HostHealth, Listening } from "@signalbox/server"
import { HostConfig } from "@signalbox/server/HostConfig"
import { hostPaths } from "@signalbox/server/HostPaths"
import { Console, Context, Effect, Layer, Queue } from "effect"
import { serving, temporaryDirectory } from "./processes/HostProcess.ts"

/** A provider that knows one key; `takes` says which. */
const provider = (takes: () => string) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((request, response) => {
        request.resume()
        request.on("end", () => {
          const isKnown = request.headers.authorization === `Bearer ${takes()}`
          response.writeHead(isKnown ? 200 : 401, { "content-type": "application/json" }).end("{}")
        })
      })
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )

it.live("a host whose provider refuses its key says so for as long as it does", () =>
  Effect.gen(function* () {
    let taken = "sk-another-one"
    const server = yield* provider(() => taken)
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const config = join(yield* temporaryDirectory, "config.json")
    const main = { kind: "openai", base_url: `http://127.0.0.1:${port}/v1`, api_key: "sk-of-the-host" }
    const models = { fast: { provider: "main", upstream: "big-1" } }
    writeFileSync(config, JSON.stringify({ version: 1, providers: { main }, models }), { mode: 0o600 })

    const host = yield* Layer.build(Layer.fresh(Host.layer({ config, port: 0 }))).pipe(
      Effect.provideService(Console.Console, silent),
    )
    const { degraded } = Context.get(host, HostHealth)
    const { url } = Context.get(host, Listening)
    const call = Effect.promise(async () => {
      const headers = { "content-type": "application/json" }
      const body = JSON.stringify({ model: "fast", messages: [{ role: "user", content: "Hello" }] })
      return (await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })).status
    })

    assert.deepStrictEqual(yield* degraded, [])
    assert.strictEqual(yield* call, 502)
    assert.deepStrictEqual(yield* degraded, [
      "The provider main refuses the key of this host (401): put a valid one into providers.main.api_key.",
    ])
    taken = main.api_key
    assert.strictEqual(yield* call, 200)
    assert.deepStrictEqual(yield* degraded, [])
  }).pipe(Effect.scoped),
)

const silent = { ...globalThis.console, log: () => undefined, error: () => undefined }

it.live("a host says which settings wait for its restart, until they are as they were", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const save = (listen: object) => writeFileSync(config, JSON.stringify({ version: 1, listen }), { mode: 0o600 })
    save({ port: 0 })
    const host = yield* Layer.build(Layer.fresh(Host.layer({ config }))).pipe(
      Effect.provideService(Console.Console, silent),
    )
    const { degraded } = Context.get(host, HostHealth)
    const { reload } = Context.get(host, HostConfig)
    assert.deepStrictEqual(yield* degraded, [])
    save({ port: 15_999, names: ["desk.lan"] })
    yield* reload()
    assert.deepStrictEqual(yield* degraded, [
      "listen.port, listen.names changed since this host started: restart it, it listens as before.",
    ])
    save({ port: 0 })
    yield* reload()
    assert.deepStrictEqual(yield* degraded, [])
  }).pipe(Effect.scoped),
)

it.live("a host whose lock was removed says so, in its log too: a second one could start on its document", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const { lock } = hostPaths(config)
    const warned = yield* Queue.unbounded<string>()
    const console = { ...silent, error: (line: string) => void Queue.offerUnsafe(warned, line) }
    const host = yield* Layer.build(Layer.fresh(Host.layer({ config, port: 0 }))).pipe(
      Effect.provideService(Console.Console, console),
    )
    const { degraded } = Context.get(host, HostHealth)
    assert.deepStrictEqual(yield* degraded, [])
    rmSync(lock)
    const [sentence = ""] = yield* degraded
    assert.include(sentence, `${lock} was removed: another host can start on this document`)
    assert.include(yield* Queue.take(warned), sentence)

    const second = yield* serving({ config })
    const [two = ""] = yield* degraded
    assert.include(two, `pid ${second.child.pid} has one of its own by now`)
    assert.include(yield* Queue.take(warned), two)
  }).pipe(Effect.scoped),
)
