import fs, { rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { syncBuiltinESMExports } from "node:module"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { HostHealth } from "@signalbox/server"
import { HostConfig } from "@signalbox/server/HostConfig"
import { hostPaths } from "@signalbox/server/HostPaths"
import { Context, Effect, Queue } from "effect"
import { vi } from "vitest"
import { embeddedHost } from "./EmbeddedHost.ts"
import { serving, temporaryDirectory } from "./processes/HostProcess.ts"

/** A provider that accepts one key, which may change. */
const providerWith = (key: () => string) =>
  Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer((request, response) => {
        request.resume()
        request.on("end", () => {
          const isKnown = request.headers.authorization === `Bearer ${key()}`
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

it.live("reports a provider that refuses the host's key until the provider accepts it", () =>
  Effect.gen(function* () {
    let accepted = "sk-another-one"
    const server = yield* providerWith(() => accepted)
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const config = join(yield* temporaryDirectory, "config.json")
    const main = { kind: "openai", base_url: `http://127.0.0.1:${port}/v1`, api_key: "sk-of-the-host" }
    const models = { fast: { provider: "main", upstream: "big-1" } }
    writeFileSync(config, JSON.stringify({ version: 1, providers: { main }, models }), { mode: 0o600 })

    const { context, url } = yield* embeddedHost({ config })
    const { degraded } = Context.get(context, HostHealth)
    const call = Effect.promise(async () => {
      const headers = { "content-type": "application/json" }
      const body = JSON.stringify({ model: "fast", messages: [{ role: "user", content: "Hello" }] })
      return (await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body })).status
    })

    assert.deepStrictEqual(yield* degraded, [])
    assert.strictEqual(yield* call, 502)
    assert.deepStrictEqual(yield* degraded, [
      "The provider main refuses the key of this host (401): set a valid one at providers.main.api_key.",
    ])
    accepted = main.api_key
    assert.strictEqual(yield* call, 200)
    assert.deepStrictEqual(yield* degraded, [])
  }).pipe(Effect.scoped),
)

it.live("reports settings that wait for a restart until they have their old values again", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const save = (listen: object) => writeFileSync(config, JSON.stringify({ version: 1, listen }), { mode: 0o600 })
    save({ port: 0 })
    const { context } = yield* embeddedHost({ config, usesConfiguredPort: true })
    const { degraded } = Context.get(context, HostHealth)
    const { reload } = Context.get(context, HostConfig)
    assert.deepStrictEqual(yield* degraded, [])
    save({ port: 15_999, names: ["desk.lan"] })
    yield* reload()
    assert.deepStrictEqual(yield* degraded, [
      "listen.port, listen.names changed since this host started: restart it to apply the change.",
    ])
    save({ port: 0 })
    yield* reload()
    assert.deepStrictEqual(yield* degraded, [])
  }).pipe(Effect.scoped),
)

it.live("does not report a lock file that cannot be read as removed", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const { context } = yield* embeddedHost({ config })
    for (const code of ["EACCES", "EIO", "EMFILE"]) {
      const spies = (["openSync", "lstatSync", "statSync", "existsSync"] as const).map((name) => {
        const original = fs[name] as (...args: ReadonlyArray<unknown>) => unknown
        return vi.spyOn(fs, name).mockImplementation(((...args: ReadonlyArray<unknown>) => {
          if (!String(args[0]).endsWith("host.lock")) return original(...args)
          if (name === "existsSync") return false
          throw Object.assign(new Error(code), { code })
        }) as never)
      })
      syncBuiltinESMExports()
      const degraded = yield* Context.get(context, HostHealth).degraded
      for (const spy of spies) spy.mockRestore()
      syncBuiltinESMExports()
      assert.deepStrictEqual(degraded, [], code)
    }
  }).pipe(Effect.scoped),
)

it.live("reports and logs that its lock files were removed, and then that a second host has started", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const { lock } = hostPaths(config)
    const { context, err } = yield* embeddedHost({ config })
    const { degraded } = Context.get(context, HostHealth)
    assert.deepStrictEqual(yield* degraded, [])
    rmSync(lock)
    // It guards the document under all its names.
    rmSync(`${config}.host.lock`)
    const [removed = ""] = yield* degraded
    assert.include(removed, `${lock} was removed: another host can start on this document`)
    assert.include(yield* Queue.take(err.lines), removed)

    const second = yield* serving({ config })
    const [replaced = ""] = yield* degraded
    assert.include(replaced, `pid ${second.child.pid} holds a new one`)
    assert.include(yield* Queue.take(err.lines), replaced)
  }).pipe(Effect.scoped),
)
