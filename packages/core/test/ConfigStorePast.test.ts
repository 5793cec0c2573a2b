import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { EventBus } from "@signalbox/core/EventBus"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import { ConfigProvider, Effect, Layer, Schema } from "effect"
import { AppConfig, eventTags, forgetEvents, like, place, running, SourceControl, text } from "./ConfigStoreHost.ts"

const provider = (key: string) => [{ path: "/providers/a", value: { url: "u", key } }]
const days = (value: number) => [{ path: "/retention/days", value }]

describe("effective", () => {
  it.effect("returns all layers together, with defaults and without secrets", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(provider("sk-secret-1"))
        yield* store.override(days(3))
        assert.deepStrictEqual(yield* store.effective, {
          providers: { a: { url: "u", key: "<redacted>" } },
          models: { fast: "small" },
          retention: { days: 3 },
          port: 99,
        })
        assert.deepStrictEqual(yield* store.effectiveAt(""), yield* store.effective)
        assert.deepStrictEqual(yield* store.effectiveAt("/providers/a"), { url: "u", key: "<redacted>" })
        assert.deepStrictEqual(yield* store.effectiveAt("/providers/a/key"), "<redacted>")
        for (const path of ["/providers/b", "/providers/a/key/label", "/toString", "no pointer"]) {
          assert.isUndefined(yield* store.effectiveAt(path))
        }
      }),
      { TEST_PORT: "99" },
    ).pipe(Effect.provide(place)),
  )
})

describe("a write", () => {
  it.effect("returns the changes of a write and those that need a restart, and none without an effect", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const written = yield* store.update([...days(7), { path: "/port", value: 1 }])
        assert.deepStrictEqual(written.changes, [
          { path: "/retention/days", before: 30, after: 7 },
          { path: "/port", before: 4321, after: 1 },
        ])
        assert.deepStrictEqual(written.restartRequired, ["/port"])
        const commented = yield* store.replace(`// a comment\n${yield* text}`)
        like(commented, { revision: written.revision, changes: [], restartRequired: [] })
        assert.notStrictEqual(commented.hash, written.hash)
        like(yield* store.undo, { changes: [], revision: written.revision })
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("plan", () => {
  it.effect("plans a whole text with its redacted secrets, and writes and publishes nothing", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(provider("sk-secret-1"))
        const before = yield* text
        yield* forgetEvents
        const shown = (yield* store.document).text.replace(`"u"`, `"v"`)
        const plan = yield* store.plan(shown)
        like(plan, { changes: [{ path: "/providers/a/url", before: "u", after: "v" }], problems: [], shadowed: [] })
        assert.deepStrictEqual((yield* store.plan("{ nonsense")).problems.length, 1)
        assert.strictEqual(yield* text, before)
        assert.deepStrictEqual(yield* eventTags, [])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("plans a whole text with the paths that a higher layer hides", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const wanted = `{ "retention": { "days": 5 }, "port": 7 }`
        assert.deepStrictEqual((yield* store.plan(wanted)).shadowed, ["/port"])
        assert.deepStrictEqual((yield* store.replace(wanted)).shadowed, ["/port"])
      }),
      { TEST_PORT: "99" },
    ).pipe(Effect.provide(place)),
  )
})

describe("past", () => {
  it.effect("returns a redacted document of the history by the first digits of its hash", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash } = yield* store.update(provider("sk-secret-1"))
        yield* store.update(days(1))
        const past = yield* store.past(hash.slice(0, 8).toUpperCase())
        assert.strictEqual(past.hash, hash)
        assert.include(past.text, `"key": "<redacted>"`)
        assert.notInclude(past.text, "sk-secret-1")
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("returns the document in force even if the history could not be written", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        ;(yield* SourceControl).with.history = { keep: () => Effect.void }
        const { hash } = yield* store.update(days(1))
        assert.strictEqual((yield* store.past(hash)).hash, hash)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("fails with NotKept when no hash, several hashes or too few digits match", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { history } = yield* ConfigSource
        const twins = ["a".repeat(64), `aaaaaa${"b".repeat(58)}`]
        for (const hash of twins) yield* history.keep("{}", hash)
        const refusal = (hash: string) => Effect.map(Effect.flip(store.past(hash)), ({ reason }) => reason)
        like(yield* refusal("aaaaaa"), { _tag: "NotKept", matches: twins.toReversed() })
        like(yield* refusal("123456"), { _tag: "NotKept", matches: [] })
        like(yield* refusal("aaaaa"), { _tag: "NotKept", matches: [] })
        const { message } = yield* Effect.flip(store.past("aaaaaa"))
        assert.include(message, "Write more digits")
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("differences", () => {
  it.effect("compares two documents without the layers above them and without secrets", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const first = yield* store.update([...provider("sk-secret-1"), { path: "/port", value: 1 }])
        const second = yield* store.update([...provider("sk-secret-2"), { path: "/port", value: 2 }])
        const expected = [
          { path: "/providers/a/key", before: "<redacted>", after: "<redacted>" },
          { path: "/port", before: 1, after: 2 },
        ]
        assert.deepStrictEqual(yield* store.differences(first.hash, second.hash), {
          from: first.hash,
          to: second.hash,
          changes: expected,
        })
        assert.deepStrictEqual((yield* store.differences(first.hash.slice(0, 12))).changes, expected)
        assert.deepStrictEqual((yield* store.differences(second.hash)).changes, [])
      }),
      { TEST_PORT: "99" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("compares documents that take a required value from the environment", () => {
    class Required extends ConfigStore.Service<Required>()("test/Required", {
      schema: Schema.Struct({ token: Schema.RedactedFromValue(Schema.String), days: Schema.Int }),
      environmentPrefix: "TEST",
    }) {}
    const environment = ConfigProvider.layer(ConfigProvider.fromEnv({ env: { TEST_TOKEN: "secret" } }))
    const required = Required.layer.pipe(
      Layer.provideMerge(Reconciler.layer),
      Layer.provideMerge(EventBus.layer),
      Layer.provide(environment),
    )
    const compared = Effect.gen(function* () {
      const store = yield* Required
      const { hash } = yield* store.snapshot
      yield* store.update([{ path: "/days", value: 2 }])
      const { changes } = yield* store.differences(hash)
      assert.deepStrictEqual(changes, [{ path: "/days", before: 1, after: 2 }])
    })
    return MemoryDocument.use(({ save }) => save(`{ "days": 1 }`)).pipe(
      Effect.andThen(Effect.provide(compared, Layer.fresh(required))),
      Effect.provide(place),
    )
  })

  it.effect("fails with Rejected when one of the compared documents no longer loads", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash, history } = yield* ConfigSource
        const bad = yield* hash(`{ "port": "no" }`)
        yield* history.keep(`{ "port": "no" }`, bad)
        const { reason } = yield* Effect.flip(store.differences(bad))
        assert.strictEqual(reason._tag, "Rejected")
      }),
    ).pipe(Effect.provide(place)),
  )
})
