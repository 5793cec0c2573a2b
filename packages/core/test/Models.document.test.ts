/** Models under a real document, with the ConfigStore in memory. */
import { assert, describe, it } from "@effect/vitest"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import {
  DefaultModelAlias,
  defaultModelAliasProblem,
  ModelRegistry,
  ModelSettings,
} from "@signalbox/core/ModelRegistry"
import { Models } from "@signalbox/core/Models"
import { ProviderSettings, Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Effect, Layer, Schema } from "effect"
import { eventsOf, list, resolve, resolved, Services } from "./ModelHost.ts"

const fields = {
  models: ModelSettings.schema,
  defaultModelAlias: DefaultModelAlias.schema,
  providers: ProviderSettings.schema,
}
const wireKeys = { defaultModelAlias: "default_model_alias" } as const

class HostConfig extends ConfigStore.Service<HostConfig>()("test/HostConfig", {
  schema: Schema.Struct(fields)
    .check(
      Schema.makeFilter(({ defaultModelAlias, models }) => {
        const issue = defaultModelAliasProblem(models, defaultModelAlias)
        return issue === undefined ? undefined : { path: ["defaultModelAlias"], issue }
      }),
    )
    .pipe(Schema.encodeKeys(wireKeys)),
}) {}

/** A host without the filter. */
class LaxConfig extends ConfigStore.Service<LaxConfig>()("test/LaxConfig", {
  schema: Schema.Struct(fields).pipe(Schema.encodeKeys(wireKeys)),
}) {}

const secret = "sk-live-0123456789abcdef"
const text = `{
  // the format of copilot-api
  "version": 1,
  "models": {
    "fast": { "upstream": "gpt-4o-mini" },
    "smart": { "upstream": "claude-sonnet-4", "enabled": true, "allowed_keys": ["alice"] },
  },
  "default_model_alias": "fast",
  "providers": {
    "default": { "kind": "openai", "api_key": "${secret}" },
    "other": { "kind": "anthropic", "api_key": "${secret}-other" }
  }
}`

const hostOf = <Self, Id extends string>(
  Config: ConfigStore.Class<Self, Id, typeof HostConfig.schema | typeof LaxConfig.schema>,
) => {
  const store = Config.layer.pipe(
    Layer.provide(Layer.effectDiscard(Effect.flatMap(MemoryDocument, (memory) => memory.save(text)))),
    Layer.provide(MemoryConfigSource.layer),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
  )
  const settings = Layer.mergeAll(
    Config.setting(ModelSettings, (config) => config.models),
    Config.setting(DefaultModelAlias, (config) => config.defaultModelAlias),
    Config.setting(ProviderSettings, (config) => config.providers),
  )
  return Services.layer.pipe(
    Layer.provideMerge(Layer.mergeAll(ModelRegistry.layer, Providers.layer)),
    Layer.provideMerge(settings),
    Layer.provideMerge(store),
  )
}
const host = hostOf(HostConfig)
const update = (path: string, value: unknown) => Effect.flatMap(HostConfig, (store) => store.update([{ path, value }]))
const register = (name: string, alias: string) =>
  Effect.flatMap(ModelRegistry, (registry) => registry.register({ [alias]: { upstream: "u" } }, { name }))

describe("a document", () => {
  it.effect("serves a document of copilot-api unchanged", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* resolve("whatever"), {
        alias: "fast",
        upstream: "gpt-4o-mini",
        provider: "default",
      })
      assert.deepStrictEqual(
        (yield* list("alice")).map(({ alias }) => alias),
        ["fast", "smart"],
      )
    }).pipe(Effect.provide(host)),
  )

  it.effect("publishes config.changed first, then one event for each changed model", () =>
    Effect.gen(function* () {
      const events = yield* eventsOf(update("/models/fast/upstream", "gpt-5"))
      assert.deepStrictEqual(
        events.map(([type]) => type),
        ["config.changed", "model.changed"],
      )
      assert.deepStrictEqual(events[1]![1], {
        alias: "fast",
        provider: "default",
        upstream: "gpt-5",
        enabled: true,
        changed: ["upstream"],
      })
      assert.strictEqual(yield* resolved("fast"), "gpt-5")
      const spelledOut = yield* eventsOf(update("/models/fast/enabled", true))
      assert.deepStrictEqual(spelledOut, [])
      const keys = yield* eventsOf(update("/models/smart/allowed_keys", ["alice", "bob"]))
      assert.deepInclude(keys[1]![1], { alias: "smart", changed: ["allowed_keys"] })
      const provider = yield* eventsOf(update("/providers/other/api_key", `${secret}-new`))
      assert.deepStrictEqual(provider.slice(1), [
        ["provider.changed", { provider: "other", kind: "anthropic", changed: ["api_key"] }],
      ])
    }).pipe(Effect.provide(host)),
  )

  it.effect("refuses an unknown default alias at its line and column", () =>
    Effect.gen(function* () {
      const store = yield* HostConfig
      const { reason } = yield* Effect.flip(store.replace(text.replace('alias": "fast"', 'alias": "fsat"')))
      assert.strictEqual(reason._tag, "Rejected")
      if (reason._tag !== "Rejected") return
      assert.deepStrictEqual(reason.problems, [
        {
          by: "schema",
          path: "/default_model_alias",
          line: 8,
          column: 26,
          message:
            'default_model_alias is not an alias of models (did you mean "fast"?); add it there, or leave it empty',
        },
      ])
      assert.strictEqual(yield* resolved("fast"), "gpt-4o-mini")
    }).pipe(Effect.provide(host)),
  )

  it.effect("refuses an invalid name at its position, with the rule", () =>
    Effect.gen(function* () {
      const store = yield* HostConfig
      const wrong = text
        .replace('"fast": {', '"": {')
        .replace('"smart": {', '" smart": {')
        .replace('"other": {', `"${"o".repeat(201)}": {`)
        .replace('alias": "fast"', 'alias": ""')
      const { reason } = yield* Effect.flip(store.replace(wrong))
      assert.strictEqual(reason._tag, "Rejected")
      if (reason._tag !== "Rejected") return
      const message =
        "must have 1 to 200 visible characters, and no space at either end, and must not have the form of an API key"
      assert.deepStrictEqual(
        reason.problems.map(({ line, message, path }) => ({ line, message, path })),
        [
          { line: 5, message, path: "/models/" },
          { line: 6, message, path: "/models/ smart" },
          { line: 11, message, path: `/providers/${"o".repeat(201)}` },
        ],
      )
    }).pipe(Effect.provide(host)),
  )

  it.effect("refuses an unknown default alias by the node if the schema accepts it", () =>
    Effect.gen(function* () {
      const store = yield* LaxConfig
      const { reason } = yield* Effect.flip(store.update([{ path: "/default_model_alias", value: "fsat" }]))
      assert.strictEqual(reason._tag, "Rejected")
      if (reason._tag !== "Rejected") return
      assert.deepStrictEqual(
        reason.problems.map(({ by }) => by),
        [Models.key],
      )
      assert.include(reason.problems[0]!.message, 'did you mean "fast"?')
    }).pipe(Effect.provide(hostOf(LaxConfig))),
  )

  it.effect("keeps models and registrations after an invalid edit", () =>
    Effect.gen(function* () {
      yield* register("plugin", "extra")
      const store = yield* HostConfig
      yield* Effect.flip(store.replace('{ "version": 1, "models": { "fast": { "upstream": 1 } } }'))
      assert.strictEqual(yield* resolved("extra"), "u")
      assert.strictEqual(yield* resolved("fast"), "gpt-4o-mini")
    }).pipe(Effect.scoped, Effect.provide(host)),
  )

  it.effect("reveals a plugin's model when the document removes its alias", () =>
    Effect.gen(function* () {
      yield* register("plugin", "smart")
      assert.strictEqual(yield* resolved("smart", "alice"), "claude-sonnet-4")
      const store = yield* HostConfig
      const events = yield* eventsOf(store.update([{ path: "/models/smart", remove: true }]))
      assert.deepStrictEqual(events.slice(1), [
        [
          "model.changed",
          {
            alias: "smart",
            provider: "plugin",
            upstream: "u",
            enabled: true,
            changed: ["provider", "upstream", "allowed_keys"],
          },
        ],
      ])
    }).pipe(Effect.scoped, Effect.provide(host)),
  )
})

it.effect("applies concurrent registrations and writes, each in its own commit", () =>
  Effect.gen(function* () {
    const events = yield* eventsOf(
      Effect.all(
        Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0 ? register(`plugin-${index}`, `m${index}`) : update(`/models/m${index}`, { upstream: "u" }),
        ),
        { concurrency: "unbounded" },
      ),
    )
    const added = events.flatMap(([type, event]) => (type === "model.added" && "alias" in event ? [event.alias] : []))
    assert.sameMembers(
      added,
      Array.from({ length: 20 }, (_, index) => `m${index}`),
    )
    assert.strictEqual(events.filter(([type]) => type === "config.changed").length, 10)
    assert.strictEqual((yield* list()).length, 21)
  }).pipe(Effect.scoped, Effect.provide(host)),
)

it.effect("hides providers' keys in events, errors, routes and listings", () =>
  Effect.gen(function* () {
    const store = yield* HostConfig
    const registry = yield* ModelRegistry
    const shown: Array<unknown> = []
    shown.push(
      yield* eventsOf(
        Effect.gen(function* () {
          yield* update("/providers/default/api_key", `${secret}-2`)
          yield* update("/providers/default/base_url", "http://localhost:1/v1")
          yield* (yield* Providers).failed("default", `refused: ${secret}-2`)
          shown.push(yield* Effect.flip(update("/providers/default/api_key", [secret])))
          shown.push(yield* Effect.flip(update("/providers/default/base_url", `https://u:${secret}@host`)))
          shown.push(yield* Effect.flip(update("/default_model_alias", "nothing")))
          shown.push(yield* Effect.flip(resolve("fast")))
          shown.push(yield* Effect.flip(store.replace(text.replace('"other": {', '"other": ['))))
        }),
      ),
      yield* registry.models,
      yield* list(),
      yield* Services.status,
    )
    const everything = shown.map((value) => `${JSON.stringify(value)} ${String(value)}`).join("\n")
    assert.include(everything, "provider.changed")
    assert.include(everything, "refused: <redacted>")
    assert.notInclude(everything, secret)
  }).pipe(Effect.provide(host)),
)
