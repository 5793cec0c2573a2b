/** The structured logs of a host as a process. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { rest, serving, temporaryDirectory, until } from "./processes/HostProcess.ts"

it.live("writes one JSON object per line, events included, and no current or earlier secret", () =>
  Effect.gen(function* () {
    const keys = ["the-first-secret-key", "the-second-secret-key"] as const
    const config = join(yield* temporaryDirectory, "config.json")
    const save = (key: string, features: unknown = { debug: true }) =>
      writeFileSync(
        config,
        JSON.stringify({
          version: 1,
          features,
          providers: { down: { kind: "openai", base_url: "http://127.0.0.1:1/v1", api_key: key } },
          models: { down: { provider: "down", upstream: key } },
        }),
        { mode: 0o600 },
      )
    save(keys[0])
    const host = yield* serving({ config, logFormat: "json" })
    const chat = Effect.promise(async () => {
      const headers = { "content-type": "application/json" }
      const body = JSON.stringify({ model: "down", messages: [{ role: "user", content: "Hello" }] })
      return (await fetch(`${host.url}/v1/chat/completions`, { method: "POST", headers, body })).status
    })
    assert.isAtLeast(yield* chat, 500)
    save(keys[1])
    yield* until(host, /config\.changed/)
    yield* chat
    save(keys[1], "not an object")
    yield* until(host, /config\.rejected/)
    host.child.kill("SIGTERM")
    assert.strictEqual(yield* host.exit, 0)
    yield* rest(host.out)

    assert.strictEqual(host.err.printed.join("\n"), "")
    const lines = host.out.printed.map((line): Record<string, any> => JSON.parse(line))
    for (const line of lines) assert.containsAllKeys(line, ["timestamp", "level", "message"])
    const events = lines.flatMap(({ event }) => (event === undefined ? [] : [event]))
    for (const event of events) assert.deepInclude(event, { specversion: "1.0", source: "signalbox" })
    assert.includeMembers(
      events.map(({ type }) => type),
      ["host.started", "config.changed", "config.rejected", "stats.recorded", "host.stopping"],
    )
    const rejected = lines.find(({ event }) => event?.type === "config.rejected")
    assert.strictEqual(rejected?.["level"], "WARN")

    const all = host.out.printed.join("\n")
    for (const key of keys) assert.notInclude(all, key)
    assert.include(all, "<redacted>")
  }).pipe(Effect.scoped),
)
