/** Stopping and reloading hosts, most of them as processes. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { Agent, get } from "node:http"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { readHostNote } from "@signalbox/server/HostNote"
import { hostPaths } from "@signalbox/server/HostPaths"
import { Effect, Exit, Fiber, Queue, Scope } from "effect"
import { embeddedHost } from "./EmbeddedHost.ts"
import { type Serving, serving, temporaryDirectory, until } from "./processes/HostProcess.ts"
import { makeUpstream, words } from "./processes/Upstream.ts"

const secret = "sk-of-the-real-one"
const isTorture = process.env["SIGNALBOX_TORTURE"] === "1"

/** First signal, second signal, exit code. */
const secondSignals = [
  ["SIGTERM", "SIGINT", 130],
  ["SIGINT", "SIGTERM", 143],
] as const

const documentFor = (upstream: string) =>
  JSON.stringify({
    version: 1,
    providers: { real: { kind: "openai", base_url: upstream, api_key: secret }, echo: { kind: "echo" } },
    models: { smart: { provider: "real", upstream: "real-1" }, echo: { provider: "echo", upstream: "echo-1" } },
  })

const hostWithUpstream = Effect.fnUntraced(function* () {
  const upstream = yield* makeUpstream
  const config = join(yield* temporaryDirectory, "config.json")
  writeFileSync(config, documentFor(upstream.url), { mode: 0o600 })
  return { ...upstream, config, host: yield* serving({ config }) }
})

/** Requests a stream and returns its content, status and whether it is complete. */
const stream = ({ url }: Serving, model: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "a b c" }] }),
    })
    const text = await response.text()
    const lines = text.split("\n\n").filter((line) => line.startsWith("data: {"))
    const content = lines.map((line) => JSON.parse(line.slice(6)).choices[0]?.delta?.content ?? "").join("")
    return { status: response.status, content, whole: text.endsWith("data: [DONE]\n\n") }
  })

const ask = (url: string, agent?: Agent) =>
  Effect.callback<{ readonly status: number; readonly connection: string | undefined }, string>((resume) => {
    const request = get(url, { agent: agent ?? false }, (response) => {
      response.resume()
      const { connection } = response.headers
      response.on("end", () => resume(Effect.succeed({ status: response.statusCode ?? 0, connection })))
    })
    request.on("error", (error: NodeJS.ErrnoException) => resume(Effect.fail(error.code ?? error.message)))
  })

/** The number of entries in the ledger beside this document. */
const entriesIn = (config: string): number => {
  const ledger = join(config, "..", "ledger")
  return readdirSync(ledger)
    .filter((name) => name.endsWith(".entries"))
    .reduce((count, name) => count + readFileSync(join(ledger, name), "utf8").split("\n").length - 1, 0)
}

it.live("leaves the note of the next host when its directory was removed", () =>
  Effect.gen(function* () {
    const directory = join(yield* temporaryDirectory, "a")
    const config = join(directory, "config.json")
    const { lock } = hostPaths(config)
    const first = yield* Scope.fork(yield* Effect.scope)
    yield* Scope.provide(embeddedHost({ config }), first)
    rmSync(directory, { recursive: true })
    const second = yield* serving({ config })
    assert.strictEqual(readHostNote(lock)?.pid, second.child.pid)
    yield* Scope.close(first, Exit.void)
    assert.strictEqual(readHostNote(lock)?.pid, second.child.pid)
  }),
)

it.live("refuses new requests when it stops, reports how many are in flight, and lets all streams end whole", () =>
  Effect.gen(function* () {
    const { config, host, streams } = yield* hostWithUpstream()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    yield* Effect.addFinalizer(() => Effect.sync(() => agent.destroy()))
    assert.strictEqual((yield* ask(`${host.url}/healthz`, agent)).status, 200)
    const responses = yield* Effect.forkScoped(
      Effect.all(
        Array.from({ length: 20 }, () => stream(host, "smart")),
        { concurrency: "unbounded" },
      ),
    )
    const inFlight = yield* Queue.takeN(streams, 20)

    host.child.kill("SIGTERM")
    yield* until(host, /^host\.stopping version=0\.1\.0 /)
    yield* until(host, /^Waiting for 20 requests to end; a second signal ends them\.$/)
    assert.strictEqual(yield* Effect.flip(ask(`${host.url}/healthz`)), "ECONNREFUSED")
    const late = yield* ask(`${host.url}/healthz`, agent)
    assert.deepStrictEqual(late, { status: 503, connection: "close" })

    for (const { finish } of inFlight.slice(0, 8)) finish()
    yield* until(host, /^Waiting for 12 requests to end\.$/)
    for (const { finish } of inFlight.slice(8)) finish()
    const expected = { status: 200, content: words.join(""), whole: true }
    for (const response of yield* Fiber.join(responses)) assert.deepStrictEqual(response, expected)
    assert.strictEqual(yield* host.exit, 0)
    assert.strictEqual(host.err.printed.join("\n"), "")
    assert.strictEqual(entriesIn(config), 20)
  }),
)

it.live("exits at once at a second signal and keeps the recorded calls", () =>
  Effect.gen(function* () {
    for (const [first, second, code] of isTorture ? secondSignals : secondSignals.slice(0, 1)) {
      const { config, host, streams } = yield* hostWithUpstream()
      const response = yield* stream(host, "echo")
      assert.isTrue(response.whole)
      yield* Effect.forkScoped(Effect.ignoreCause(stream(host, "smart")))
      yield* Queue.take(streams)
      host.child.kill(first)
      yield* until(host, /^Waiting for 1 request to end/)
      host.child.kill(second)
      assert.strictEqual(yield* host.exit, code)
      assert.strictEqual(entriesIn(config), 1)
      // The next host starts without any cleanup.
      yield* embeddedHost({ config })
    }
  }),
)

it.live("does not wait for event feeds, whose last event is that it stops", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const scope = yield* Scope.fork(yield* Effect.scope)
    const host = yield* Scope.provide(embeddedHost({ config }), scope)
    const token = readFileSync(join(config, "..", "admin.token"), "utf8").trim()
    const follow = (path: string) =>
      Effect.promise(() => fetch(`${host.url}${path}`, { headers: { authorization: `Bearer ${token}` } }))
    const reader = yield* follow("/api/events")
    // In every spelling of the path.
    for (const path of ["/api/events", "/api/events/", "//api/events", "/api/%65vents?types=host.stopping"]) {
      assert.strictEqual((yield* follow(path)).headers.get("content-type"), "text/event-stream", path)
    }
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    const text = yield* Effect.promise(() => reader.text())
    assert.match(text, /\nevent: host\.stopping\ndata: [^\n]+\n\n$/)
    yield* Fiber.join(closing)
    assert.notInclude(host.out.printed.join("\n"), "Waiting")
  }),
)

it.live("reloads on SIGHUP and prints the changes, or why the reload failed", () =>
  Effect.gen(function* () {
    const { config, host } = yield* hostWithUpstream()
    writeFileSync(config, readFileSync(config, "utf8").replace(`"echo-1"`, `"echo-2"`))
    host.child.kill("SIGHUP")
    yield* until(host, /^Reloaded config \(1 change\):$/)
    yield* until(host, /^- models\.echo\.upstream: echo-1 → echo-2$/)
    host.child.kill("SIGHUP")
    yield* until(host, /^Reloaded config \(no changes detected\)\.$/)
    writeFileSync(config, "{")
    host.child.kill("SIGHUP")
    const failed = yield* Queue.take(host.err.lines)
    assert.match(failed, /^! (config\.rejected|Reload failed: )/)
    assert.strictEqual((yield* stream(host, "echo")).status, 200)
  }),
)
