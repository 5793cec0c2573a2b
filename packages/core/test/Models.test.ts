import { assert, describe, it } from "@effect/vitest"
import { ModelRegistry, ModelSettings } from "@signalbox/core/ModelRegistry"
import { DefaultModelAlias } from "@signalbox/core/ModelSettings"
import { Models } from "@signalbox/core/Models"
import { Providers } from "@signalbox/core/Providers"
import { PrepareFailed, Reconciler } from "@signalbox/core/Reconciler"
import { Cause, Effect, Exit, Layer } from "effect"
import { edit, host, list, resolve, resolved, Services, settings } from "./ModelHost.ts"

describe("Models", () => {
  const models = {
    fast: { upstream: "gpt-4o-mini", provider: "openai" },
    smart: { upstream: "claude-sonnet-4", provider: "anthropic", allowedKeys: ["alice", "bob"] },
    old: { upstream: "gpt-3", provider: "openai", enabled: false },
    unusable: { upstream: "x", allowedKeys: [] },
  }

  it.effect("resolves an alias to its provider and upstream model", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolve("fast"), { alias: "fast", upstream: "gpt-4o-mini", provider: "openai" })
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("refuses a model to keys that may not use it, and to callers without a key", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* resolved("smart", "alice"), "claude-sonnet-4")
      assert.strictEqual(yield* resolved("smart", "mallory"), "ModelNotAllowed")
      assert.strictEqual(yield* resolved("smart"), "ModelNotAllowed")
      assert.strictEqual(yield* resolved("fast", "mallory"), "gpt-4o-mini")
      assert.strictEqual(yield* resolved("unusable", "alice"), "ModelNotAllowed")
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("refuses a disabled model", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* resolved("old"), "ModelDisabled")
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("lists only the models that a caller may use", () =>
    Effect.gen(function* () {
      const aliases = (key?: string) => Effect.map(list(key), (routes) => routes.map(({ alias }) => alias))
      assert.deepStrictEqual(yield* aliases(), ["fast"])
      assert.deepStrictEqual(yield* aliases("bob"), ["fast", "smart"])
      assert.deepStrictEqual(yield* list(), [{ alias: "fast", upstream: "gpt-4o-mini", provider: "openai" }])
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("refuses an unknown name with similar names that the caller may use", () =>
    Effect.gen(function* () {
      const near = (alias: string, key?: string) =>
        Effect.map(Effect.flip(resolve(alias, key)), ({ reason }) =>
          reason._tag === "UnknownModel" ? reason.near : [],
        )
      assert.deepStrictEqual(yield* near("fasst"), ["fast"])
      assert.deepStrictEqual(yield* near("smrat"), [])
      assert.deepStrictEqual(yield* near("smrat", "alice"), ["smart"])
      assert.deepStrictEqual(yield* near("olt"), [])
      const refused = yield* Effect.flip(resolve("fasst"))
      assert.strictEqual(refused.message, 'there is no model "fasst" (did you mean "fast"?)')
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("cuts a name in an error to 200 characters", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(resolve("x".repeat(1_000_000)))
      assert.isBelow(refused.message.length, 250)
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("refuses names that every object has", () =>
    Effect.gen(function* () {
      for (const name of ["constructor", "__proto__", "toString", ""]) {
        assert.strictEqual(yield* resolved(name), "UnknownModel")
      }
      const refused = yield* Effect.flip(edit({ defaultAlias: "constructor" }))
      assert.strictEqual(refused._tag, "PrepareFailed")
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("resolves unknown names, but not refused ones, to the default alias", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolve("whatever"), {
        alias: "fast",
        upstream: "gpt-4o-mini",
        provider: "openai",
      })
      assert.strictEqual(yield* resolved("old"), "ModelDisabled")
      assert.strictEqual(yield* resolved("smart"), "ModelNotAllowed")
      yield* edit({ defaultAlias: "smart" })
      assert.strictEqual(yield* resolved("whatever"), "ModelNotAllowed")
      assert.strictEqual(yield* resolved("whatever", "bob"), "claude-sonnet-4")
      yield* edit({ defaultAlias: "" })
      assert.strictEqual(yield* resolved("whatever", "bob"), "UnknownModel")
    }).pipe(Effect.provide(host({ models, defaultAlias: "fast" }))),
  )

  it.effect("refuses a change with an unknown default alias and names the node", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(edit({ defaultAlias: "fats" }))
      assert.instanceOf(refused, PrepareFailed)
      assert.deepStrictEqual(refused._tag === "PrepareFailed" ? refused.failures.map(({ node }) => node) : [], [
        Models.key,
      ])
      assert.include(refused.message, 'default_model_alias is not an alias of models (did you mean "fast"?)')
      assert.strictEqual(yield* resolved("whatever"), "gpt-4o-mini")
      // Its model cannot be removed either.
      yield* Effect.flip(edit({ models: { smart: { upstream: "x" } } }))
      assert.strictEqual(yield* resolved("fast"), "gpt-4o-mini")
      yield* edit({ models: { smart: { upstream: "x" } }, defaultAlias: "smart" })
      assert.strictEqual(yield* resolved("fast"), "x")
    }).pipe(Effect.provide(host({ models, defaultAlias: "fast" }))),
  )

  it.effect("fails to start with an unknown default alias", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.scoped(Layer.build(host({ models, defaultAlias: "fats" }))))
      assert.isTrue(Exit.isFailure(exit))
      if (Exit.isFailure(exit)) {
        const error = Cause.findErrorOption(exit.cause)
        assert.strictEqual(error._tag === "Some" ? error.value._tag : "none", "DefaultModelAliasUnknown")
      }
    }),
  )

  it.effect("shows one table to a request while the document changes", () =>
    Effect.gen(function* () {
      yield* Services.provide(
        Effect.gen(function* () {
          const pinned = yield* Models
          yield* edit({ models: { fast: { upstream: "other" } } })
          assert.strictEqual((yield* pinned.resolve("fast")).upstream, "gpt-4o-mini")
          assert.strictEqual((yield* (yield* Models).resolve("fast")).upstream, "gpt-4o-mini")
          const registry = yield* ModelRegistry
          assert.strictEqual((yield* registry.models).length, 4)
        }),
      )
      assert.strictEqual(yield* resolved("fast"), "other")
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("refuses models of a provider that is down, until it recovers", () =>
    Effect.gen(function* () {
      const providers = yield* Providers
      yield* providers.failed("openai", "connection refused")
      const { message, reason } = yield* Effect.flip(resolve("fast"))
      assert.strictEqual(reason._tag, "ProviderDown")
      assert.include(message, "connection refused")
      assert.strictEqual(yield* resolved("smart", "bob"), "claude-sonnet-4")
      assert.strictEqual((yield* list()).length, 1)
      yield* providers.recovered("openai")
      assert.strictEqual(yield* resolved("fast"), "gpt-4o-mini")
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("keeps the table of models when the key of a provider changes", () =>
    Effect.gen(function* () {
      const instance = Services.provide(Models)
      const before = yield* instance
      yield* edit({ providers: { openai: { kind: "openai", api_key: "k2" } } })
      assert.strictEqual(yield* instance, before)
      yield* edit({ models: { fast: { upstream: "other" } } })
      assert.notStrictEqual(yield* instance, before)
    }).pipe(Effect.provide(host({ models, providers: { openai: { kind: "openai", api_key: "k1" } } }))),
  )

  it.effect("resolves, lists and changes 10,000 models, and finds similar names among them", () =>
    Effect.gen(function* () {
      const registry = yield* ModelRegistry
      assert.strictEqual((yield* list()).length, 10_000)
      for (let index = 0; index < 10_000; index++) {
        assert.strictEqual(yield* resolved(`model-${index}`), `upstream-${index}`)
      }
      const refused = yield* Effect.flip(resolve("modle-77"))
      assert.include(refused.message, '"model-77"')
      yield* edit((values) => {
        const models = values.get(ModelSettings.key) as Record<string, object>
        return new Map([[ModelSettings.key, { ...models, "model-5": { ...models["model-5"], upstream: "other" } }]])
      })
      assert.strictEqual(yield* resolved("model-5"), "other")
      assert.strictEqual((yield* registry.models).length, 10_000)
    }).pipe(
      Effect.provide(
        host({
          models: Object.fromEntries(
            Array.from({ length: 10_000 }, (_, index) => [`model-${index}`, { upstream: `upstream-${index}` }]),
          ),
        }),
      ),
    ),
  )

  it.effect("works with constant settings", () =>
    Effect.gen(function* () {
      const models = yield* Models
      assert.strictEqual((yield* models.resolve("a")).upstream, "u")
      assert.strictEqual(yield* Effect.map(Reconciler, () => true), true)
    }).pipe(
      Effect.provide(
        Models.layer.pipe(
          Layer.provide([
            ModelSettings.layer({ a: { upstream: "u", provider: "p", enabled: true, allowedKeys: ["*"] } }),
            DefaultModelAlias.layer(""),
            ModelRegistry.layer,
            Providers.layer,
          ]),
          Layer.provideMerge(settings()),
        ),
      ),
    ),
  )
})
