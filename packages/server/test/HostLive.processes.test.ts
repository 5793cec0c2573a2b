/** A host as a process: what its document changes while it runs, and what it writes meanwhile. */
import { writeFileSync } from "node:fs"
import { get } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Queue } from "effect"
import { rest, type Serving, type Started, serving, temporaryDirectory, until } from "./processes/HostProcess.ts"

const document = (parts: object) =>
  JSON.stringify({
    version: 1,
    providers: { echo: { kind: "echo" } },
    models: { echo: { provider: "echo", upstream: "echo-1" } },
    ...parts,
  })

const following = Effect.fnUntraced(function* (parts: object, logFormat: "text" | "json" = "text") {
  const config = join(yield* temporaryDirectory, "config.json")
  const save = (parts: object) => Effect.sync(() => writeFileSync(config, document(parts), { mode: 0o600 }))
  yield* save(parts)
  return { host: yield* serving({ config, logFormat }), save }
})

const chat = ({ url }: Serving, model = "echo", key?: string) =>
  Effect.promise(async () => {
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
    })
    return { status: response.status, text: await response.text() }
  })

/** The next line on standard error that matches. */
const complaint = ({ err }: Started, wanted: RegExp) =>
  Effect.gen(function* () {
    for (;;) {
      const line = yield* Queue.take(err.lines)
      if (wanted.test(line)) return line
    }
  })

describe("features of a host that runs", () => {
  it.live("auth asks for keys from the next request on", () =>
    Effect.gen(function* () {
      const { host, save } = yield* following({})
      assert.strictEqual((yield* chat(host)).status, 200)
      yield* save({ features: { auth: true } })
      yield* until(host, /^- features\.auth: false → true$/)
      assert.strictEqual((yield* chat(host)).status, 401)
      yield* save({})
      yield* until(host, /^- features\.auth: true → false$/)
      assert.strictEqual((yield* chat(host)).status, 200)
    }),
  )

  it.live("debug tells each call, from its switch on and until it is off again", () =>
    Effect.gen(function* () {
      const { host, save } = yield* following({})
      yield* chat(host)
      yield* save({ features: { debug: true } })
      yield* until(host, /^Debug is on/)
      yield* chat(host)
      yield* until(host, /^stats\.recorded entry=.*echo/)
      yield* save({})
      yield* until(host, /^Debug is off/)
      yield* chat(host)
      host.child.kill("SIGTERM")
      yield* host.exit
      yield* rest(host.out)
      assert.lengthOf(
        host.out.said.filter((line) => line.startsWith("stats.recorded")),
        1,
      )
    }),
  )
})

/** The status of `/healthz`, asked for under a name. */
const askedAs = ({ url }: Serving, host: string) =>
  Effect.callback<number | undefined>((resume) => {
    get(`${url}/healthz`, { headers: { host } }, (response) => {
      response.resume()
      resume(Effect.succeed(response.statusCode))
    })
  })

it.live("a host is asked for by the names that its document lists, and by no other", () =>
  Effect.gen(function* () {
    const { host } = yield* following({ listen: { names: ["Desk.lan"] } })
    assert.strictEqual(yield* askedAs(host, "desk.lan:80"), 200)
    assert.strictEqual(yield* askedAs(host, "evil.example"), 403)
  }),
)

describe("a host that other machines reach", () => {
  it.live("keeps asking for keys: no change may turn that off, not even one that names another address", () =>
    Effect.gen(function* () {
      const { host, save } = yield* following({ listen: { host: "0.0.0.0" }, features: { auth: true } })
      yield* save({ listen: { host: "0.0.0.0" }, features: { auth: false } })
      yield* complaint(host, /is reachable from other machines.*\(at \/listen\/host\)$/)
      assert.strictEqual((yield* chat(host)).status, 401)
      yield* save({ listen: { host: "127.0.0.1" }, features: { auth: false } })
      yield* complaint(host, /this host listens on 0\.0\.0\.0, where other machines reach it/)
      assert.strictEqual((yield* chat(host)).status, 401)
    }),
  )

  it.live("does not turn it off either when the new address would be for all", () =>
    Effect.gen(function* () {
      const { host, save } = yield* following({})
      yield* save({ listen: { host: "0.0.0.0" } })
      yield* complaint(host, /is reachable from other machines.*\(at \/listen\/host\)$/)
    }),
  )
})

describe("structured logs", () => {
  it.live("are JSON, one object a line, events included, and no secret of now or before is in them", () =>
    Effect.gen(function* () {
      const keys = ["sk-the-first-secret", "sk-the-second-secret"] as const
      const parts = (key: string) => ({
        features: { debug: true },
        providers: { down: { kind: "openai", base_url: "http://127.0.0.1:1/v1", api_key: key } },
        models: { down: { provider: "down", upstream: key } },
      })
      const { host, save } = yield* following(parts(keys[0]), "json")
      assert.strictEqual((yield* chat(host, "down")).status >= 500, true)
      yield* save(parts(keys[1]))
      yield* until(host, /config\.changed/)
      yield* chat(host, "down")
      yield* save({ ...parts(keys[1]), features: "no object" })
      yield* until(host, /config\.rejected/)
      host.child.kill("SIGTERM")
      assert.strictEqual(yield* host.exit, 0)
      yield* rest(host.out)

      assert.strictEqual(host.err.said.join("\n"), "")
      const lines = host.out.said.map((line): Record<string, any> => JSON.parse(line))
      for (const line of lines) assert.containsAllKeys(line, ["timestamp", "level", "message"])
      const events = lines.flatMap(({ event }) => (event === undefined ? [] : [event]))
      for (const event of events) assert.deepInclude(event, { specversion: "1.0", source: "signalbox" })
      const types = events.map(({ type }) => type)
      assert.includeMembers(types, [
        "host.started",
        "config.changed",
        "config.rejected",
        "stats.recorded",
        "host.stopping",
      ])
      const rejected = lines.find(({ event }) => event?.type === "config.rejected")
      assert.strictEqual(rejected?.["level"], "WARN")

      const all = host.out.said.join("\n")
      for (const key of keys) assert.notInclude(all, key)
      assert.include(all, "<redacted>")
    }),
  )

  it.live("say what they are about, also where a key is the placeholder that a local server wants, or a letter", () =>
    Effect.gen(function* () {
      const provider = (kind: object) => ({ kind: "openai", base_url: "http://127.0.0.1:1/v1", ...kind })
      const providers = { ollama: provider({ api_key: "ollama" }), e: provider({ api_key: "e" }) }
      const { host, save } = yield* following({ providers })
      assert.match(host.out.said[0] ?? "", /^Signalbox \S+ listens on http:/)
      yield* save({ providers: { ...providers, ollama: provider({}) } })
      assert.match(yield* until(host, /^config\.changed/), /paths=\S*\/providers\/ollama\/api_key/)
    }),
  )
})
