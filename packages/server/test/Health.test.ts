import { writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Host, HostHealth, Listening } from "@signalbox/server"
import { Console, Context, Effect, Layer } from "effect"
import { temporaryDirectory } from "./processes/HostProcess.ts"

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

    const silent = { ...globalThis.console, log: () => undefined, error: () => undefined }
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
