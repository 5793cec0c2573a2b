/** Changes of the document while a host runs in this process, and the host's output about them. */
import { writeFileSync } from "node:fs"
import { get } from "node:http"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { type EmbeddedHost, embeddedHost } from "./EmbeddedHost.ts"
import { temporaryDirectory, until } from "./processes/HostProcess.ts"

const document = (parts: object) =>
  JSON.stringify({
    version: 1,
    providers: { echo: { kind: "echo" } },
    models: { echo: { provider: "echo", upstream: "echo-1" } },
    ...parts,
  })

const hostWith = Effect.fnUntraced(function* (parts: object, logFormat: "text" | "json" = "text") {
  const config = join(yield* temporaryDirectory, "config.json")
  const save = (parts: object) => Effect.sync(() => writeFileSync(config, document(parts), { mode: 0o600 }))
  yield* save(parts)
  return { host: yield* embeddedHost({ config, logFormat }), save }
})

const chat = ({ url }: EmbeddedHost, model = "echo") =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
    })
    await response.text()
    return response.status
  })

/** Waits for a line on standard error that matches. */
const warning = ({ err }: EmbeddedHost, pattern: RegExp) =>
  Effect.gen(function* () {
    for (;;) {
      const line = yield* Queue.take(err.lines)
      if (pattern.test(line)) return line
    }
  })

it.live("requires keys from the next request on while features.auth is on", () =>
  Effect.gen(function* () {
    const { host, save } = yield* hostWith({})
    assert.strictEqual(yield* chat(host), 200)
    yield* save({ features: { auth: true } })
    yield* until(host, /^- features\.auth: false → true$/)
    assert.strictEqual(yield* chat(host), 401)
    yield* save({})
    yield* until(host, /^- features\.auth: true → false$/)
    assert.strictEqual(yield* chat(host), 200)
  }).pipe(Effect.scoped),
)

it.live("prints every call while features.debug is on, and none before or after", () =>
  Effect.gen(function* () {
    const { host, save } = yield* hostWith({})
    yield* chat(host)
    yield* save({ features: { debug: true } })
    yield* until(host, /^Debug is on/)
    yield* chat(host)
    yield* until(host, /^stats\.recorded entry=.*echo/)
    yield* save({ retention: { ledger_days: 7 } })
    yield* until(host, /^Debug is off/)
    yield* chat(host)
    // Events keep their order: a printed call would come before this change.
    yield* save({ retention: { ledger_days: 8 } })
    yield* until(host, /^- retention\.ledger_days: 7 → 8$/)
    assert.lengthOf(
      host.out.printed.filter((line) => line.startsWith("stats.recorded")),
      1,
    )
  }).pipe(Effect.scoped),
)

/** The status of `/healthz` for a Host header. */
const statusAs = ({ url }: EmbeddedHost, host: string) =>
  Effect.callback<number | undefined>((resume) => {
    get(`${url}/healthz`, { headers: { host } }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode))
    })
  })

it.live("accepts the host names that its document lists, and no others", () =>
  Effect.gen(function* () {
    const { host } = yield* hostWith({ listen: { names: ["Desk.lan"] } })
    assert.strictEqual(yield* statusAs(host, "desk.lan:80"), 200)
    assert.strictEqual(yield* statusAs(host, "evil.example"), 403)
  }).pipe(Effect.scoped),
)

it.live("refuses to turn off keys while other machines can reach it, even in a change that names another address", () =>
  Effect.gen(function* () {
    const { host, save } = yield* hostWith({ listen: { host: "0.0.0.0" }, features: { auth: true } })
    yield* save({ listen: { host: "0.0.0.0" }, features: { auth: false } })
    yield* warning(host, /is reachable from other machines.*\(at \/listen\/host\)$/)
    assert.strictEqual(yield* chat(host), 401)
    yield* save({ listen: { host: "127.0.0.1" }, features: { auth: false } })
    yield* warning(host, /this host listens on 0\.0\.0\.0, where other machines can reach it/)
    assert.strictEqual(yield* chat(host), 401)
  }).pipe(Effect.scoped),
)

it.live("refuses an address that other machines can reach while keys are off", () =>
  Effect.gen(function* () {
    const { host, save } = yield* hostWith({})
    yield* save({ listen: { host: "0.0.0.0" } })
    yield* warning(host, /is reachable from other machines.*\(at \/listen\/host\)$/)
  }).pipe(Effect.scoped),
)

it.live("keeps lines readable when a provider's key is a placeholder or a single letter", () =>
  Effect.gen(function* () {
    const provider = (settings: object) => ({ kind: "openai", base_url: "http://127.0.0.1:1/v1", ...settings })
    const providers = { ollama: provider({ api_key: "ollama" }), e: provider({ api_key: "e" }) }
    const { host, save } = yield* hostWith({ providers })
    assert.match(host.out.printed[0] ?? "", /^Signalbox \S+ listens on http:/)
    yield* save({ providers: { ...providers, ollama: provider({}) } })
    assert.match(yield* until(host, /^config\.changed/), /paths=\S*\/providers\/ollama\/api_key/)
  }).pipe(Effect.scoped),
)
