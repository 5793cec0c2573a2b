import { assert, describe, it } from "@effect/vitest"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { EventBus } from "@signalbox/core/EventBus"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { PrepareFailed, Reconciler } from "@signalbox/core/Reconciler"
import * as Setting from "@signalbox/core/Setting"
import { ConfigProvider, Effect, Layer, Redacted, Schema } from "effect"
import { makeEnvironment } from "../src/internal/ConfigStore/Environment.ts"
import {
  AppConfig,
  edited,
  eventTags,
  forgetEvents,
  like,
  ModelSettings,
  ProviderSettings,
  place,
  publishedEvents,
  RetentionPolicy,
  running,
  saved,
  text,
} from "./ConfigStoreHost.ts"

const days = (value: unknown) => [{ path: "/retention/days", value }]

/** Refuses the candidates that match. */
const refusing = (refuse: (values: ReadonlyMap<string, unknown>) => string | undefined) =>
  Effect.flatMap(Reconciler, (reconciler) =>
    reconciler.run((transaction) =>
      transaction.attach({
        prepare: ({ values }) => {
          const message = refuse(values)
          return message === undefined
            ? Effect.succeed({ rebuilt: ["test/Node"], commit: () => [], afterCommit: Effect.void })
            : Effect.fail(new PrepareFailed({ failures: [{ node: "test/Node", message }] }))
        },
      }),
    ),
  )

describe("the environment", () => {
  it.effect("overrides the document, yields to runtime overrides, and is the provenance of its keys", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 5)
        assert.strictEqual(yield* store.provenance("/retention/days"), "environment")
        assert.strictEqual(yield* store.provenance("/models/fast"), "document")
        yield* store.override(days(6))
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 6)
        assert.strictEqual(yield* store.provenance("/retention/days"), "runtime")
        yield* store.override([{ path: "/retention", remove: true }])
        assert.deepStrictEqual(yield* RetentionPolicy.get, { days: 5 })
        yield* store.update([{ path: "/port", remove: true }])
        assert.strictEqual(yield* store.provenance("/port"), "default")
      }),
      { TEST_RETENTION_DAYS: "5" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("hides a write, which is written and reported as shadowed", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        const { shadowed, changes } = yield* store.plan(days(9))
        assert.deepStrictEqual([shadowed, changes], [["/retention/days"], []])
        const { config, revision, ...answer } = yield* store.update([...days(9), { path: "/models/new", value: "m" }])
        assert.deepStrictEqual([config.retention.days, revision, answer.shadowed], [5, 2, ["/retention/days"]])
        assert.include(yield* text, '"days": 9')
      }),
      { TEST_RETENTION_DAYS: "5" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("hides a new key of the document at once", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const wanted = [{ path: "/providers/a", value: { url: "u" } }]
        assert.deepStrictEqual((yield* store.plan(wanted)).shadowed, ["/providers/a"])
        const { config, shadowed } = yield* store.update(wanted)
        assert.deepStrictEqual([config.providers["a"]?.url, shadowed], ["above", ["/providers/a"]])
      }),
      { TEST_PROVIDERS_A_URL: "above" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("reports a mistake under a variable with its place in edits, whole texts, plans and saves", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* text
        yield* forgetEvents
        const bad = edited(before, ({ retention }) => Object.assign(retention, { days: "x" }))
        const message =
          /must be a number, not a string \(the document must be valid without environment variable TEST_RETENTION_DAYS/
        const refusal = (change: Effect.Effect<unknown, ConfigStoreError>) =>
          Effect.map(Effect.flip(change), ({ reason }) => (reason._tag === "Rejected" ? reason.problems : []))
        const answers = [
          yield* refusal(store.update(days("x"))),
          yield* refusal(store.replace(bad)),
          (yield* store.plan(days("x"))).problems,
          (yield* store.plan(bad)).problems,
        ]
        assert.strictEqual(yield* text, before)
        yield* saved(bad)
        answers.push(yield* store.problems, yield* refusal(store.reload()))
        for (const [problem, ...others] of answers) {
          like(problem, { by: "schema", path: "/retention/days" })
          assert.isNumber(problem?.line)
          assert.match(problem?.message ?? "", message)
          assert.lengthOf(others, 0)
        }
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 5)
      }),
      { TEST_RETENTION_DAYS: "5" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("serves the last good document at a start when a variable hides a mistake", () =>
    Effect.gen(function* () {
      yield* running(Effect.flatMap(AppConfig, (store) => store.update(days(7))))
      yield* (yield* MemoryDocument).save(
        edited(yield* text, ({ retention }) => Object.assign(retention, { days: "x" })),
      )
      yield* running(
        Effect.gen(function* () {
          like((yield* (yield* AppConfig).problems)[0], { path: "/retention/days", line: 8 })
          assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 5)
        }),
        { TEST_RETENTION_DAYS: "5" },
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("ignores the environment from one reload until another", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        const change = { path: "/retention/days", before: 5, after: 30 }
        assert.deepStrictEqual(yield* store.reload({ ignoreEnvironment: true }), [change])
        assert.deepStrictEqual(yield* store.reload(), [])
        yield* saved(edited(yield* text, ({ retention }) => Object.assign(retention, { days: 8 })))
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 8)
        assert.deepStrictEqual(yield* store.reload({ ignoreEnvironment: false }), [{ ...change, before: 8, after: 5 }])
        const events = yield* publishedEvents
        assert.deepStrictEqual(
          events.map((event) => (event as unknown as { readonly origin: string }).origin),
          ["reload", "file", "reload"],
        )
      }),
      { TEST_RETENTION_DAYS: "5" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("sets keys that a later document adds", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { config } = yield* store.update([{ path: "/models/slow", value: "big" }])
        assert.deepStrictEqual(config.models, { fast: "small", slow: "huge" })
      }),
      { TEST_MODELS_SLOW: "huge" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("is looked up only for variables that exist, if the host knows their names", () =>
    Effect.gen(function* () {
      const asked: Array<string> = []
      const provider = ConfigProvider.make((path) =>
        Effect.sync(() => {
          asked.push(path.join())
          return path.join() === "TEST_MODELS_FAST" ? ConfigProvider.makeValue("huge") : undefined
        }),
      )
      const names = new Set(["TEST_MODELS_FAST", "HOME"])
      const config = yield* Effect.map(AppConfig, (store) => store.snapshot).pipe(
        Effect.flatten,
        Effect.provide(
          AppConfig.layer.pipe(
            Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
            Layer.provide([place, ConfigProvider.layer(provider), Layer.succeed(ConfigStore.VariableNames, names)]),
          ),
        ),
        Effect.map((snapshot) => snapshot.config),
      )
      assert.deepStrictEqual(config.models, { fast: "huge" })
      assert.deepStrictEqual(asked, ["TEST_MODELS_FAST"])
    }),
  )

  it.effect("reads all variables of a document with more names than are remembered", () =>
    Effect.gen(function* () {
      const env = { A_0: "a", B_0: "b" }
      const { learn, lookup } = makeEnvironment(ConfigProvider.fromEnv({ env }), undefined)
      const ask = (group: string) => Array.from({ length: 40_000 }, (_, index) => lookup(`${group}_${index}`))[0]
      ask("A")
      assert.isTrue(yield* learn)
      let loads = 0
      let found = true
      while (found && ++loads < 10) {
        ask("A")
        ask("B")
        found = yield* learn
      }
      assert.deepStrictEqual([found, lookup("A_0"), lookup("B_0")], [false, "a", "b"])
    }),
  )

  it.effect("reads changed variables by a reload, and changes nothing when one of them is refused", () =>
    Effect.gen(function* () {
      const environment: Record<string, string> = { TEST_RETENTION_DAYS: "5" }
      yield* running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          yield* forgetEvents
          environment["TEST_RETENTION_DAYS"] = "-1"
          const error = yield* Effect.flip(store.reload())
          assert.include(error.message, "TEST_RETENTION_DAYS")
          assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 5)
          assert.deepStrictEqual(yield* store.problems, [])
          yield* store.update([{ path: "/port", value: 1 }])
          environment["TEST_RETENTION_DAYS"] = "4"
          assert.deepStrictEqual(yield* store.reload(), [{ path: "/retention/days", before: 5, after: 4 }])
        }),
        environment,
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("refuses the start when the environment cannot be read", () =>
    Effect.gen(function* () {
      const broken = ConfigProvider.make(() => Effect.fail(new ConfigProvider.SourceError({ message: "vault sealed" })))
      const error = yield* Effect.flip(
        Effect.scoped(
          Layer.build(AppConfig.layer).pipe(
            Effect.provide(Reconciler.layer),
            Effect.provideService(ConfigProvider.ConfigProvider, broken),
          ),
        ),
      )
      assert.include(error.message, "cannot be read: check the ConfigProvider")
    }).pipe(Effect.provide(Layer.merge(place, EventBus.layer))),
  )
})

describe("a runtime override", () => {
  it.effect("brings an override into force and publishes it, without writing it", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* text
        const { hash } = yield* store.snapshot
        yield* forgetEvents
        const after = yield* store.override(days(1))
        assert.deepStrictEqual([after.hash, after.revision, after.config.retention.days], [hash, 2, 1])
        assert.strictEqual(yield* text, before)
        like((yield* publishedEvents)[0], { origin: "api", hash, previousHash: hash, paths: ["/retention/days"] })
        assert.lengthOf(yield* store.history, 1)
        yield* store.update([{ path: "/port", value: 1 }])
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 1)
        yield* store.reload()
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 1)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("refuses an override in which a redaction marker would become the secret", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-1" } }])
        const wanted = [...days(3), { path: "/providers/a", value: { url: "v", key: "<redacted>" } }]
        const { reason } = yield* Effect.flip(store.override(wanted))
        if (reason._tag !== "Rejected") return assert.fail(reason._tag)
        assert.deepStrictEqual(
          reason.problems.map(({ path }) => path),
          ["/providers/a"],
        )
        const circle: Record<string, unknown> = {}
        circle["url"] = circle
        const error = yield* Effect.flip(store.override([{ path: "/providers/a", value: circle }]))
        assert.strictEqual(error.reason._tag, "Rejected")
        const { retention, providers } = (yield* store.override([{ path: "/providers/a/url", value: "v" }])).config
        assert.deepStrictEqual(retention, { days: 30 })
        const { key, url } = providers["a"] ?? {}
        assert.deepStrictEqual([url, key && Redacted.value(key)], ["v", "sk-1"])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("refuses an override like any other change, and bounds their number", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* store.snapshot
        like((yield* Effect.flip(store.override(days("x")))).reason, { _tag: "Rejected" })
        const many = Array.from({ length: 1025 }, (_, index) => ({ path: `/models/m${index}`, value: "x" }))
        assert.include((yield* Effect.flip(store.override(many))).message, "more than 1024")
        assert.strictEqual(yield* store.snapshot, before)
        yield* store.override([{ path: "/nothing/here", remove: true }])
        assert.strictEqual(yield* store.snapshot, before)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("reports a mistake of the document that an override hides", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.override(days(1))
        const error = yield* Effect.flip(store.update(days("x")))
        assert.include(error.message, "without the value set at run time")
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a setting", () => {
  class Names extends Setting.Service<Names>()("test/Names", Schema.Array(Schema.String)) {}
  class Fragile extends Setting.Service<Fragile>()("test/Fragile", Schema.String) {}
  const names = AppConfig.setting(Names, (config) => Object.keys(config.models))
  const fragile = AppConfig.setting(Fragile, (config) => {
    const { key } = config.providers["a"] ?? {}
    if (key !== undefined)
      throw new Error(`no use for ${Schema.encodeSync(Schema.RedactedFromValue(Schema.String))(key)}`)
    return "fine"
  })

  it.effect("keeps the identity of a computed slice while its value is equal", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* Names.get
        yield* store.update([...days(1), { path: "/models/fast", value: "smaller" }])
        assert.strictEqual(yield* Names.get, before)
        yield* store.update([{ path: "/models/slow", value: "big" }])
        assert.deepStrictEqual(yield* Names.get, ["fast", "slow"])
      }).pipe(Effect.provide(names)),
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps the identity of a slice when only the order of its keys changes", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update([{ path: "/models", value: { a: "x", b: "y" } }])
        const models = yield* ModelSettings.get
        yield* saved(
          edited(yield* text, (document) => {
            document.models = { b: "y", a: "x" }
          }),
        )
        yield* store.update([{ path: "/retention", value: { days: 2 } }])
        assert.strictEqual(yield* ModelSettings.get, models)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("refuses a change when a selection throws, with the setting's name and without a secret", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        const error = yield* Effect.flip(
          store.update([{ path: "/providers/a", value: { url: "u", key: "sk-forbidden" } }]),
        )
        assert.include(error.message, "test/Fragile: ")
        assert.notInclude(error.message, "sk-forbidden")
        like((yield* publishedEvents)[0], { _tag: "config.rejected" })
        assert.deepStrictEqual(yield* ProviderSettings.get, {})
        assert.strictEqual(yield* Fragile.get, "fine")
        yield* store.update(days(1))
      }).pipe(Effect.provide(fragile)),
    ).pipe(Effect.provide(place)),
  )

  it.effect("changes a setting in the same generation as the snapshot", () =>
    running(
      Effect.gen(function* () {
        const reconciler = yield* Reconciler
        const seen: Array<readonly [unknown, unknown]> = []
        yield* reconciler.observe((_, { values }) => {
          const snapshot = values.get(AppConfig.key) as { readonly config: { readonly models: unknown } }
          seen.push([values.get(ModelSettings.key), snapshot.config.models])
          return []
        })
        yield* (yield* AppConfig).update([{ path: "/models/slow", value: "big" }])
        assert.lengthOf(seen, 1)
        assert.strictEqual(seen[0]?.[0], seen[0]?.[1])
      }).pipe(Effect.scoped),
    ).pipe(Effect.provide(place)),
  )

  it.effect("ignores a setting whose layer is closed", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* Effect.provide(Fragile.get, fragile)
        yield* store.update([{ path: "/providers/a", value: { url: "u", key: "k" } }])
        assert.strictEqual(yield* AppConfig.get((config) => config.providers["a"]?.url), "u")
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a plan", () => {
  it.effect("plans changes, rebuilds and restarts, and writes, commits and publishes nothing", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* refusing(() => undefined)
        const [before, snapshot] = [yield* text, yield* store.snapshot]
        yield* forgetEvents
        assert.deepStrictEqual(yield* store.plan([...days(7), { path: "/port", value: 80 }]), {
          changes: [
            { path: "/retention/days", before: 30, after: 7 },
            { path: "/port", before: 4321, after: 80 },
          ],
          shadowed: [],
          rebuilt: ["test/Node"],
          restartRequired: ["/port"],
          problems: [],
          warnings: [],
        })
        assert.deepStrictEqual([yield* text, yield* eventTags], [before, []])
        assert.strictEqual(yield* store.snapshot, snapshot)
        assert.deepStrictEqual((yield* store.plan([])).changes, [])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("plans a refusal by the schema or by a service", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* refusing((values) =>
          Object.hasOwn(Object(values.get(ModelSettings.key)), "bad") ? "no such model" : undefined,
        )
        yield* forgetEvents
        like((yield* store.plan(days("x"))).problems[0], { by: "schema", path: "/retention/days" })
        const plan = yield* store.plan([{ path: "/models/bad", value: "m" }])
        assert.deepStrictEqual(plan.problems, [{ by: "test/Node", path: "", message: "no such model" }])
        assert.deepStrictEqual(plan.changes, [{ path: "/models/bad", before: undefined, after: "m" }])
        like((yield* store.plan([{ path: "models", value: 1 }])).problems[0], { by: "schema" })
        assert.deepStrictEqual(yield* eventTags, [])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("releases everything that a plan has built", () =>
    running(
      Effect.gen(function* () {
        let [built, released] = [0, 0]
        const reconciler = yield* Reconciler
        yield* reconciler.run((transaction) =>
          transaction.attach({
            prepare: () =>
              Effect.acquireRelease(
                Effect.sync(() => {
                  built++
                  return { rebuilt: [], commit: () => [], afterCommit: Effect.void }
                }),
                () => Effect.sync(() => void released++),
              ),
          }),
        )
        yield* (yield* AppConfig).plan(days(7))
        assert.deepStrictEqual([built, released], [1, 1])
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a service that refuses", () => {
  it.effect(
    "changes neither document nor memory when a service refuses, and names it to the caller and in the event",
    () =>
      running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          yield* refusing((values) =>
            (values.get(RetentionPolicy.key) as { readonly days: number }).days === 13 ? "unlucky" : undefined,
          )
          const [before, snapshot] = [yield* text, yield* store.snapshot]
          yield* forgetEvents
          const error = yield* Effect.flip(store.update(days(13)))
          assert.include(error.message, "test/Node: unlucky")
          assert.strictEqual(yield* text, before)
          assert.strictEqual(yield* store.snapshot, snapshot)
          like((yield* publishedEvents)[0], {
            _tag: "config.rejected",
            problems: [{ by: "test/Node", path: "", message: "unlucky" }],
          })
          yield* saved(edited(before, ({ retention }) => Object.assign(retention, { days: 13 })))
          assert.strictEqual(yield* store.snapshot, snapshot)
          like((yield* store.problems)[0], { by: "test/Node" })
          const { config } = yield* store.update([{ path: "/retention/days", value: 12 }])
          assert.strictEqual(config.retention.days, 12)
          assert.deepStrictEqual(yield* store.problems, [])
        }),
      ).pipe(Effect.provide(place)),
  )
})

describe("a store in memory", () => {
  it.effect("starts in memory with a given configuration, secrets included, and supports every operation", () =>
    Effect.gen(function* () {
      const store = yield* AppConfig
      assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 3)
      yield* store.update(days(4))
      yield* store.undo
      assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 3)
      const shown = yield* store.document
      assert.include(shown.text, "<redacted>")
      assert.notInclude(shown.text, "sk-1")
    }).pipe(
      Effect.provide(
        ConfigStore.layerMemory(AppConfig, {
          providers: { a: { url: "u", key: Redacted.make("sk-1") } },
          models: {},
          retention: { days: 3 },
          port: 1,
        }).pipe(Layer.provide(Reconciler.layer), Layer.provide(EventBus.layer)),
      ),
    ),
  )

  it("takes the document's version from the migrations", () => {
    class Old extends ConfigStore.Service<Old>()("test/Old", {
      schema: Schema.Struct({}),
      migrations: [(document) => document],
    }) {}
    assert.deepStrictEqual([AppConfig.version, Old.version], [1, 2])
  })
})
