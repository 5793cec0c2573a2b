/** Mistakes in the host's document that would otherwise show when a request fails. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigDocument from "@signalbox/core/ConfigDocument"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import { HostConfig } from "@signalbox/server"
import { Effect, Layer, Result } from "effect"

const document = ConfigDocument.make({ schema: HostConfig.schema, environmentPrefix: "SIGNALBOX" })
const found = (json: object) => {
  const loaded = document.load(JSON.stringify(json, null, 1), {})
  const list = Result.isFailure(loaded) ? loaded.failure : loaded.success.warnings
  for (const { column, line } of list) assert.isTrue(line !== undefined && column !== undefined)
  return list.map(({ message, path }) => ({ refused: Result.isFailure(loaded), path, message }))
}

describe("a provider at the host's own address", () => {
  const isRefused = (base_url: string, listen: object): boolean => {
    const [problem] = found({ listen, features: { auth: true }, providers: { p: { kind: "openai", base_url } } })
    if (problem?.refused !== true) return false
    assert.deepInclude(problem, { path: "/providers/p/base_url" })
    assert.include(problem.message, "is the address of this host")
    return true
  }

  it("is refused, however it is spelt", () => {
    for (const [url, listen] of [
      ["http://127.0.0.1:4747/v1", {}],
      ["http://localhost:4747/v1", {}],
      ["http://LOCALHOST.:4747", {}],
      ["http://2130706433:4747/v1", {}],
      ["http://0.0.0.0:4747/v1", {}],
      ["http://[::1]:80/v1", { host: "::1", port: 80 }],
      ["http://localhost/v1", { host: "::1", port: 80 }],
      ["https://10.0.0.7", { host: "10.0.0.7", port: 443 }],
      ["http://127.0.0.9:4747/v1", { host: "0.0.0.0" }],
      ["http://[::1]:4747/v1", { host: "::" }],
      ["http://box.lan:4747/v1", { host: "0.0.0.0", names: ["Box.lan"] }],
    ] as const) {
      assert.isTrue(isRefused(url, listen), url)
    }
  })

  it("is not any other address", () => {
    for (const [url, listen] of [
      ["http://127.0.0.1:11434/v1", {}],
      ["http://127.0.0.2:4747/v1", {}],
      ["http://localhost:4747/v1", { port: 0 }],
      ["http://localhost:4747/v1", { host: "10.0.0.7" }],
      ["http://box.lan:4747/v1", {}],
      ["https://api.openai.com/v1", { port: 443 }],
    ] as const) {
      assert.isFalse(isRefused(url, listen), url)
    }
  })
})

it("refuses an address to listen on and a name that nothing can use", () => {
  for (const host of ["box.lan", "http://127.0.0.1", "127.0.0.1:80", "", "999.0.0.1"]) {
    assert.deepInclude(found({ listen: { host }, features: { auth: true } })[0], {
      refused: true,
      path: "/listen/host",
    })
  }
  for (const name of ["http://box", "box:80", "box/v1", "", " box", "a".repeat(254)]) {
    assert.deepInclude(found({ listen: { names: [name] } })[0], { refused: true, path: "/listen/names/0" })
  }
  assert.deepStrictEqual(found({ listen: { host: "localhost", names: ["box", "box.lan"] } }), [])
})

it("warns about providers whose requests fail, and about a disabled default model", () => {
  const openai = { kind: "openai" }
  const mistakes = {
    "/providers/p/kind": { p: { kind: "anthropic" } },
    "/providers/p/base_url": { p: { ...openai, base_url: "https://api.openai.com/v1/chat/completions/" } },
    "/providers/p/api_key": { p: { ...openai, api_key: "<redacted>" } },
  }
  for (const [path, providers] of Object.entries(mistakes)) {
    assert.deepStrictEqual(
      found({ providers }).map(({ path, refused }) => ({ path, refused })),
      [{ path, refused: false }],
    )
  }
  const models = { fast: { upstream: "u", provider: "p", enabled: false } }
  const disabled = found({ providers: { p: openai }, models, default_model_alias: "fast" })
  assert.deepStrictEqual(
    disabled.map(({ path }) => path),
    ["/default_model_alias"],
  )
})

describe("an edit", () => {
  const start = {
    providers: { a: { kind: "echo" }, b: { kind: "echo" } },
    models: { lost: { upstream: "u", provider: "gone" }, fast: { upstream: "u", provider: "a" } },
  }
  const host = HostConfig.layer.pipe(
    Layer.provide(
      Layer.effectDiscard(Effect.flatMap(MemoryConfigSource.MemoryDocument, ({ save }) => save(JSON.stringify(start)))),
    ),
    Layer.provide(MemoryConfigSource.layer),
    Layer.provide(Reconciler.layer),
    Layer.provide(EventBus.layer),
  )
  const refusedAt = (...edits: ReadonlyArray<ConfigDocument.Edit>) =>
    Effect.gen(function* () {
      const store = yield* HostConfig
      const plan = yield* store.plan(edits)
      const before = (yield* store.snapshot).hash
      const written = yield* Effect.result(store.update(edits))
      if (Result.isSuccess(written)) {
        assert.deepStrictEqual(plan.problems, [])
        return []
      }
      assert.strictEqual((yield* store.snapshot).hash, before)
      const { reason } = written.failure
      const problems = reason._tag === "Rejected" ? reason.problems : []
      assert.deepStrictEqual(plan.problems, problems)
      for (const { message } of problems) assert.match(message, /^there is no provider/)
      return problems.map(({ path }) => path)
    })
  const model = (provider?: string) => ({ upstream: "u", ...(provider === undefined ? {} : { provider }) })

  it.effect("is refused if it leaves a model without its provider, and plan reports the same", () =>
    Effect.gen(function* () {
      const set = (path: string, value: unknown) => refusedAt({ path, value })
      assert.deepStrictEqual(yield* set("/models/new", model("gnoe")), ["/models/new/provider"])
      assert.deepStrictEqual(yield* set("/models/new", model()), ["/models/new/provider"])
      assert.deepStrictEqual(yield* set("/models/fast/provider", "c"), ["/models/fast/provider"])
      assert.deepStrictEqual(yield* refusedAt({ path: "/providers/a", remove: true }), ["/models/fast/provider"])
    }).pipe(Effect.provide(host)),
  )

  it.effect("is accepted if it makes nothing worse", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* refusedAt({ path: "/models/fast/enabled", value: false }), [])
      assert.deepStrictEqual(yield* refusedAt({ path: "/features/debug", value: true }), [])
      assert.deepStrictEqual(yield* refusedAt({ path: "/providers/b", remove: true }), [])
      assert.deepStrictEqual(
        yield* refusedAt({ path: "/models/new", value: model("c") }, { path: "/providers/c", value: { kind: "echo" } }),
        [],
      )
      assert.deepStrictEqual(yield* refusedAt({ path: "/models/lost", remove: true }), [])
    }).pipe(Effect.provide(host)),
  )

  it.effect("of a whole section or text is accepted with a warning", () =>
    Effect.gen(function* () {
      const store = yield* HostConfig
      const section = yield* store.update([{ path: "/models", value: { x: model("c") } }])
      assert.deepStrictEqual(
        section.warnings.map(({ path }) => path),
        ["/models/x/provider"],
      )
      const { warnings } = yield* store.replace(JSON.stringify({ models: { x: model() } }))
      assert.deepStrictEqual(
        warnings.map(({ path }) => path),
        ["/models/x/provider"],
      )
    }).pipe(Effect.provide(host)),
  )
})
