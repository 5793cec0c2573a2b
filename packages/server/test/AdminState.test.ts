import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { Providers } from "@signalbox/core/Providers"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Effect } from "effect"
import { ask, client, host, secret } from "./AdminHost.ts"

it.live("lists services with their generations, and the subscribers of events", () =>
  Effect.gen(function* () {
    const admin = yield* client
    const bus = yield* EventBus
    yield* Effect.asVoid(bus.subscribe({ name: "watcher", types: ["config.changed"] }))
    const { generations, services, subscribers } = yield* admin.services.list()
    assert.deepInclude(services[0], { name: "@signalbox/core/Models", state: "ready" })
    assert.deepInclude(generations[0], { pins: 0 })
    const watcher = subscribers.find(({ name }) => name === "watcher")
    assert.deepStrictEqual(watcher, { name: "watcher", types: ["config.changed"], lagEvents: 0, lagMillis: 0 })
  }).pipe(Effect.scoped, Effect.provide(host)),
)

it.live("lists models and providers with outages, and whether a key is set", () =>
  Effect.gen(function* () {
    const admin = yield* client
    yield* admin.config.update({
      headers: {},
      payload: { edits: [{ path: "/providers/openai", value: { kind: "openai", api_key: secret } }] },
    })
    yield* (yield* Providers).failed("openai", `401 for ${secret}`)
    const { defaultAlias, models, providers } = yield* admin.models.list()
    assert.deepStrictEqual(models, [
      { alias: "echo", provider: "echo", upstream: "echo-1", enabled: true, allowedKeys: ["*"] },
    ])
    assert.deepStrictEqual(providers[0], { id: "echo", kind: "echo", hasKey: false })
    assert.deepInclude(providers[1], { id: "openai", baseUrl: "https://api.openai.com/v1", hasKey: true })
    assert.notInclude(providers[1]?.outage?.reason, secret)
    assert.strictEqual(defaultAlias, "")
  }).pipe(Effect.provide(host)),
)

it.live("reports usage for the configured window or a requested one", () =>
  Effect.gen(function* () {
    const admin = yield* client
    yield* (yield* StatsLedger).record({ provider: "echo", model: "echo", upstream: "echo-1" })
    const shown = yield* admin.stats.snapshot({ query: {} })
    assert.deepStrictEqual([shown.windowMinutes, shown.totals.requests], [30, 1])
    assert.strictEqual((yield* admin.stats.snapshot({ query: { window: 5 } })).windowMinutes, 5)
    assert.strictEqual((yield* ask("/api/stats?window=0")).status, 400)
  }).pipe(Effect.provide(host)),
)

it.live("adds a key, shows its secret once, lists it without the secret, and revokes it", () =>
  Effect.gen(function* () {
    const { credentials } = yield* client
    const added = yield* credentials.add({ payload: { id: "laptop", label: "mine", models: ["echo"] } })
    assert.deepInclude(added.credential, { id: "laptop", label: "mine", models: ["echo"] })
    assert.isAbove(added.secret.length, 20)
    assert.strictEqual((yield* Effect.flip(credentials.add({ payload: { id: "laptop" } })))._tag, "Conflict")
    const listed = yield* credentials.list()
    assert.deepStrictEqual(listed.credentials, [added.credential])
    assert.notInclude(JSON.stringify(listed), added.secret)
    yield* credentials.revoke({ params: { id: "laptop" } })
    assert.deepStrictEqual((yield* credentials.list()).credentials, [])
    assert.strictEqual((yield* Effect.flip(credentials.revoke({ params: { id: "laptop" } })))._tag, "NotFound")
    const bad = yield* ask("/api/credentials", { method: "POST", body: `{"id":"no spaces"}` })
    assert.deepStrictEqual([bad.status, bad.json.errors[0].path], [400, ["payload", "id"]])
  }).pipe(Effect.provide(host)),
)

it.live("serves health without a token, and readiness as 503 with reasons until requests are served", () =>
  Effect.gen(function* () {
    const admin = yield* client
    assert.deepStrictEqual(yield* admin.healthz(), { status: "ok", version: "0.0.0", pid: 1 })
    assert.deepStrictEqual(yield* admin.readyz(), { ready: false, degraded: ["it starts"] })
    const raw = yield* ask("/readyz", { token: undefined })
    assert.deepStrictEqual([raw.status, raw.headers["retry-after"]], [503, "2"])
    assert.strictEqual((yield* ask("/healthz", { token: undefined })).status, 200)
  }).pipe(Effect.provide(host)),
)
