/** Starts hosts within this process. */
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { readHostNote } from "@signalbox/server"
import { Effect } from "effect"
import { type EmbeddedOptions, embeddedHost } from "./EmbeddedHost.ts"
import { temporaryDirectory, until } from "./processes/HostProcess.ts"

interface Body {
  readonly status?: string
  readonly version?: string
  readonly pid?: number
  readonly ready?: boolean
  readonly degraded?: ReadonlyArray<string>
}

const json = (url: string) =>
  Effect.promise(async () => {
    const response = await fetch(url)
    return { status: response.status, body: (await response.json()) as Body }
  })

const files = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name))

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

const failure = (options: EmbeddedOptions) => Effect.scoped(Effect.flip(embeddedHost(options)))

it.live("seeds an empty directory with private files, and prints its address and commands to try", () =>
  Effect.gen(function* () {
    const directory = join(yield* temporaryDirectory, "a", "b")
    const config = join(directory, "config.json")
    const host = yield* embeddedHost({ config })
    yield* until(host, /host\.started/)

    const printed = host.out.printed.join("\n")
    assert.include(printed, `Signalbox 0.1.0 listens on ${host.url}`)
    assert.include(printed, `first start: it has written ${config}`)
    assert.include(printed, `curl ${host.url}/v1/chat/completions`)
    assert.include(printed, `signalbox --config ${config} events`)
    assert.include(printed, `config.seeded path=${config}`)
    assert.strictEqual(host.err.printed.join("\n"), "")

    assert.deepStrictEqual(yield* json(`${host.url}/healthz`), {
      status: 200,
      body: { status: "ok", version: "0.1.0", pid: process.pid },
    })
    const note = readHostNote(join(directory, "host.lock"))
    assert.deepStrictEqual([note?.pid, note?.url, note?.version], [process.pid, host.url, "0.1.0"])

    assert.strictEqual(mode(directory), "700")
    for (const path of files(directory))
      assert.strictEqual(mode(path), statSync(path).isDirectory() ? "700" : "600", path)
  }).pipe(Effect.scoped),
)

it.live("takes its port from the option, then SIGNALBOX_PORT, then SIGNALBOX_LISTEN_PORT, then the document", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    // A host on port 1 would fail the assertion on its URL.
    writeFileSync(config, `{ "version": 1, "listen": { "host": "127.0.0.1", "port": 1 } }`)
    chmodSync(config, 0o600)
    for (const options of [
      { usesConfiguredPort: true, env: { SIGNALBOX_LISTEN_PORT: "0" } },
      { usesConfiguredPort: true, env: { SIGNALBOX_LISTEN_PORT: "1", SIGNALBOX_PORT: "0" } },
      { env: { SIGNALBOX_PORT: "1" } },
    ]) {
      const { url } = yield* Effect.scoped(embeddedHost({ config, ...options }))
      assert.match(url, /^http:\/\/127\.0\.0\.1:\d{2,}$/)
    }
  }).pipe(Effect.scoped),
)

it.live("names the process that holds its port: by name and pid, or another host by its own report", () =>
  Effect.gen(function* () {
    const home = yield* temporaryDirectory
    // It accepts connections and never responds.
    const port = yield* listening(createServer(() => {}))
    const { message, reason } = yield* failure({ config: join(home, "config.json"), port })
    assert.strictEqual(reason._tag, "PortTaken")
    assert.include(message, `Port ${port} of 127.0.0.1 is taken by `)
    if (process.platform === "linux") assert.include(message, `(pid ${process.pid})`)
    assert.include(message, "--port")

    const { url } = yield* embeddedHost({ config: join(home, "other", "config.json") })
    const taken = yield* failure({ config: join(home, "config.json"), port: Number(new URL(url).port) })
    assert.include(taken.message, `taken by another Signalbox host (pid ${process.pid}, version 0.1.0)`)
  }).pipe(Effect.scoped),
)

const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )

it.live("fails if its directory cannot be created", () =>
  Effect.gen(function* () {
    const home = yield* temporaryDirectory
    writeFileSync(join(home, "file"), "")
    const { message, reason } = yield* failure({ config: join(home, "file", "config.json") })
    assert.strictEqual(reason._tag, "DirectoryUnusable")
    assert.match(message, /^The directory \S+file cannot be created \(E\w+\)\. [^\n]+--config\.$/)
  }).pipe(Effect.scoped),
)

it.live("names file, line and column of a first document that is refused", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    writeFileSync(config, `{\n  "version": 1,\n  "listen": { "port": "many" }\n}`, { mode: 0o600 })
    const { message, reason } = yield* failure({ config, usesConfiguredPort: true })
    assert.strictEqual(reason._tag, "ConfigUnusable")
    assert.match(message, /^The configuration is refused/)
    assert.include(message, `${config}:3:`)
    assert.include(message, "(at /listen/port)")
  }).pipe(Effect.scoped),
)

it.live("serves the last good configuration when the document is refused at start, unless it is strict", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    yield* Effect.scoped(embeddedHost({ config }))
    const good = readFileSync(config, "utf8")
    writeFileSync(config, `{ "version": 1, "features": 7 }`)
    assert.include((yield* failure({ config, strict: true })).message, "(at /features)")

    const host = yield* embeddedHost({ config })
    // The host listens before its services are built.
    const { body } = yield* Effect.repeat(json(`${host.url}/readyz`), { until: ({ status }) => status === 200 })
    assert.isTrue(body.ready)
    assert.match(
      (body.degraded ?? []).join("\n"),
      /^The document is refused and the last good one serves: .*\(at \/features\)/,
    )
    assert.include(host.out.printed.join("\n"), `Its document ${config} is refused, and the last good one serves: `)
    writeFileSync(config, good)
    yield* until(host, /^config\.restored hash=[0-9a-f]{12} origin=file$/)
  }).pipe(Effect.scoped),
)
