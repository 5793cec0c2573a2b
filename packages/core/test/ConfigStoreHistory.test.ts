import { assert, describe, it } from "@effect/vitest"
import { SourceUnavailable, Unconfirmed } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { EventBus } from "@signalbox/core/EventBus"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Effect, Layer, Schema } from "effect"
import {
  AppConfig,
  edited,
  eventTags,
  forgetEvents,
  like,
  PublishedEvents,
  place,
  publishedEvents,
  running,
  SourceControl,
  saved,
  text,
} from "./ConfigStoreHost.ts"

const days = (value: unknown) => [{ path: "/retention/days", value }]
const daysNow = AppConfig.get((config) => config.retention.days)
const hashes = Effect.flatMap(ConfigSource, ({ history }) =>
  Effect.map(history.list, (all) => all.map((one) => one.hash)),
)

describe("undo", () => {
  it.effect("undoes step by step to the first document, each time as a new change", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(days(1))
        yield* store.update(days(2))
        yield* store.update(days(3))
        yield* forgetEvents
        const seen: Array<number> = []
        for (let step = 0; step < 3; step++) {
          yield* store.undo
          seen.push(yield* daysNow)
        }
        assert.deepStrictEqual(seen, [2, 1, 30])
        const error = yield* Effect.flip(store.undo)
        assert.strictEqual(error.reason._tag, "NothingBefore")
        const events = yield* publishedEvents
        assert.deepStrictEqual(
          events
            .map((event) => event as unknown as { readonly origin: string; readonly revision: number })
            .map(({ origin, revision }) => [origin, revision]),
          [5, 6, 7].map((revision) => ["undo", revision]),
        )
        yield* store.update(days(4))
        yield* store.undo
        assert.strictEqual(yield* daysNow, 30)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("continues the undos of an earlier process", () =>
    Effect.gen(function* () {
      yield* running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          yield* store.update(days(1))
          yield* store.update(days(2))
          yield* store.undo
        }),
      )
      yield* running(
        Effect.gen(function* () {
          yield* (yield* AppConfig).undo
          assert.strictEqual(yield* daysNow, 30)
        }),
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("undoes a document that was restored by hand to the one before it", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(days(1))
        yield* store.update(days(2))
        yield* store.update(days(1))
        const seen: Array<number> = []
        for (let step = 0; step < 3; step++) {
          yield* store.undo
          seen.push(yield* daysNow)
        }
        assert.deepStrictEqual(seen, [2, 1, 30])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("brings back a document with the current secret when its own was rotated, also in another process", () =>
    Effect.gen(function* () {
      yield* running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          const source = yield* ConfigSource
          yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-old" } }])
          yield* store.update(days(1))
          yield* store.update([...days(2), { path: "/providers/a/key", value: "sk-new" }])
          for (const hash of yield* hashes) assert.notInclude((yield* source.history.read(hash))?.text, "sk-old")
          yield* store.undo
          assert.deepStrictEqual([yield* daysNow, (yield* text).includes("sk-new")], [1, true])
        }),
      )
      yield* running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          yield* store.undo
          assert.deepStrictEqual([yield* daysNow, (yield* text).includes("sk-new")], [30, true])
          yield* store.undo
          assert.notInclude(yield* text, "sk-")
        }),
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("refuses to undo a change that only replaced a secret, and names the secret", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash } = yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-old" } }])
        yield* store.update([{ path: "/providers/a/key", value: "sk-new" }])
        const before = yield* text
        const refused = { _tag: "SecretNotKept", hash, paths: ["/providers/a/key"] }
        const error = yield* Effect.flip(store.undo)
        like(error.reason, refused)
        assert.match(error.message, /needs the secret at \/providers\/a\/key, .* Write the old secret there yourself/)
        assert.strictEqual(yield* text, before)
        // Another comment does not change the configuration.
        yield* saved(before.replace("{", "{ // rotated").replace("sk-new", "sk-newer"))
        like((yield* Effect.flip(store.undo)).reason, { ...refused, hash: (yield* hashes)[1] })
        assert.include(yield* text, "sk-newer")
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("undoes to a document whose schema would refuse the redaction marker as a secret", () => {
    class Strict extends ConfigStore.Service<Strict>()("test/Strict", {
      schema: Schema.Struct({
        key: Schema.RedactedFromValue(Schema.String.check(Schema.isStartingWith("sk-"))),
        days: Schema.Int,
      }),
      seed: '{ "version": 1, "key": "sk-1", "days": 0 }',
    }) {}
    const strict = Strict.layer.pipe(Layer.provideMerge(Reconciler.layer), Layer.provideMerge(EventBus.layer))
    return Effect.gen(function* () {
      const store = yield* Strict
      yield* store.update([{ path: "/days", value: 1 }])
      yield* store.update([
        { path: "/days", value: 2 },
        { path: "/key", value: "sk-2" },
      ])
      assert.strictEqual((yield* store.undo).config.days, 1)
      assert.include(yield* text, "sk-2")
    }).pipe(Effect.provide(Layer.provideMerge(Layer.fresh(strict), place)))
  })

  it.effect("names the secret that an undo needs when a change removed it, and publishes no refusal", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash } = yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-old" } }])
        yield* store.update([...days(3), { path: "/providers/a", remove: true }])
        yield* forgetEvents
        like((yield* Effect.flip(store.undo)).reason, { _tag: "SecretNotKept", hash, paths: ["/providers/a/key"] })
        assert.deepStrictEqual([yield* daysNow, yield* eventTags], [3, []])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps no secret that was rotated while the environment hid it", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { history } = yield* ConfigSource
        yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-old" } }])
        yield* store.update([{ path: "/providers/a/key", value: "sk-new" }])
        for (const hash of yield* hashes) assert.notInclude((yield* history.read(hash))?.text, "sk-old")
        like((yield* Effect.flip(store.undo)).reason, { _tag: "SecretNotKept", paths: ["/providers/a/key"] })
      }),
      { TEST_PROVIDERS_A_KEY: "sk-above" },
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps no secret that was rotated while no process ran", () =>
    Effect.gen(function* () {
      yield* running(
        Effect.flatMap(AppConfig, (store) =>
          store.update([{ path: "/providers/a", value: { url: "u", key: "sk-old" } }]),
        ),
      )
      yield* (yield* MemoryDocument).save((yield* text).replace("sk-old", "sk-new"))
      yield* running(Effect.void)
      const { history } = yield* ConfigSource
      for (const hash of yield* hashes) assert.notInclude((yield* history.read(hash))?.text, "sk-old")
    }).pipe(Effect.provide(place)),
  )

  it.effect("fails with Conflict when an undo meets a save that was not taken yet", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash } = yield* store.update(days(1))
        const unseen = edited(yield* text, ({ models }) => Object.assign(models, { slow: "big" }))
        yield* (yield* MemoryDocument).save(unseen)
        like((yield* Effect.flip(store.undo)).reason, { _tag: "Conflict", expected: hash })
        assert.strictEqual(yield* text, unseen)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("replaces a refused document by an undo, keeps it and publishes config.overwritten", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const good = yield* text
        const source = yield* ConfigSource
        yield* saved("{ broken")
        const { hash } = yield* source.read
        assert.lengthOf(yield* store.problems, 1)
        yield* forgetEvents
        yield* store.undo
        assert.deepStrictEqual([yield* text, yield* store.problems], [good, []])
        const events = yield* publishedEvents
        like(events[0], { _tag: "config.restored", origin: "undo", hash: (yield* store.snapshot).hash })
        like(events[1], { _tag: "config.overwritten", path: "memory", kept: hash })
        assert.lengthOf(events, 2)
        assert.strictEqual((yield* source.history.read(hash))?.text, "{ broken")
        yield* store.update(days(1))
        yield* store.undo
        assert.strictEqual(yield* daysNow, 30)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("skips documents that no longer load", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* saved("{ broken")
        yield* store.replace(JSON.stringify({ retention: { days: 2 } }))
        yield* store.undo
        assert.strictEqual(yield* daysNow, 30)
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a whole text", () => {
  it.effect("keeps the secrets whose markers a whole text has, and refuses a marker without a secret", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-1" } }])
        const shown = yield* store.document
        assert.notInclude(shown.text, "sk-1")
        const next = edited(shown.text, ({ retention }) => Object.assign(retention, { days: 2 }))
        yield* store.replace(next, { ifHash: shown.hash })
        assert.include(yield* text, "sk-1")
        assert.strictEqual(yield* daysNow, 2)
        const before = yield* text
        const strange = edited(next, ({ providers }) =>
          Object.assign(providers, { b: { url: "v", key: "<redacted>" } }),
        )
        like((yield* Effect.flip(store.replace(strange))).reason, { _tag: "Rejected" })
        like(
          (yield* Effect.flip(store.update([{ path: "/providers/b", value: { url: "v", key: "<redacted>" } }]))).reason,
          {
            _tag: "Rejected",
          },
        )
        assert.strictEqual(yield* text, before)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps the secret of the document at the source, not of the one in force", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-1" } }])
        const { text: shown } = yield* store.document
        yield* (yield* MemoryDocument).save((yield* text).replace("sk-1", "sk-2"))
        yield* store.replace(shown)
        assert.include(yield* text, "sk-2")
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps a save that a whole text replaces before it was taken, and publishes config.overwritten", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const source = yield* ConfigSource
        const unseen = edited(yield* text, ({ models }) => Object.assign(models, { slow: "big" }))
        yield* (yield* MemoryDocument).save(unseen)
        const { hash } = yield* source.read
        yield* forgetEvents
        yield* store.replace(JSON.stringify({ retention: { days: 2 } }))
        const events = yield* publishedEvents
        assert.deepStrictEqual(
          events.map((event) => event._tag),
          ["config.changed", "config.overwritten"],
        )
        like(events[1], { kept: hash })
        assert.strictEqual((yield* source.history.read(hash))?.text, unseen)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("does not write a whole text when the save that it replaces cannot be kept", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const full = new SourceUnavailable({ path: "history", code: "ENOSPC", detail: "no space left" })
        ;(yield* SourceControl).with = { history: { keep: () => Effect.fail(full) } }
        const unseen = edited(yield* text, ({ models }) => Object.assign(models, { slow: "big" }))
        yield* (yield* MemoryDocument).save(unseen)
        const error = yield* Effect.flip(store.replace("{}"))
        like(error.reason, { _tag: "SourceUnavailable", code: "ENOSPC" })
        assert.include(error.message, "Free some space")
        assert.strictEqual(yield* text, unseen)
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("the history", () => {
  it.effect("keeps a change in force when the history cannot be written", () =>
    running(
      Effect.gen(function* () {
        const full = new SourceUnavailable({ path: "history", code: "ENOSPC", detail: "no space left" })
        ;(yield* SourceControl).with = { history: { keep: () => Effect.fail(full) } }
        yield* (yield* AppConfig).update(days(1))
        assert.strictEqual(yield* daysNow, 1)
        assert.include(yield* text, '"days": 1')
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("fails with SourceUnavailable when the history cannot be read", () =>
    running(
      Effect.gen(function* () {
        const gone = new SourceUnavailable({ path: "history", code: "EIO", detail: "i/o error" })
        ;(yield* SourceControl).with = { history: { list: Effect.fail(gone) } }
        like((yield* Effect.flip((yield* AppConfig).history)).reason, { code: "EIO" })
        like((yield* Effect.flip((yield* AppConfig).undo)).reason, { code: "EIO" })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps what an editor saved in the last instant, and publishes its hash", () =>
    running(
      Effect.gen(function* () {
        const state = yield* SourceControl
        state.with.write = (write) => (next, ifHash) =>
          Effect.map(write(next, ifHash), (written) => ({ ...written, overwritten: { hash: "theirs" } }))
        yield* forgetEvents
        yield* (yield* AppConfig).update(days(1))
        const events = yield* publishedEvents
        like(events[0], { _tag: "config.changed" })
        like(events[1], { _tag: "config.overwritten", kept: "theirs" })
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a write that the disk does not confirm", () => {
  it.effect(
    "brings a write into force, publishes and keeps it, and fails with Unconfirmed when the disk did not confirm it",
    () =>
      running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          yield* forgetEvents
          const state = yield* SourceControl
          state.with.write = (write) => (next, ifHash) =>
            Effect.andThen(write(next, ifHash), Effect.fail(new Unconfirmed({ path: "memory" })))
          const error = yield* Effect.flip(store.update(days(1)))
          assert.strictEqual(error.reason._tag, "Unconfirmed")
          assert.strictEqual(yield* daysNow, 1)
          assert.deepStrictEqual(yield* eventTags, ["config.changed"])
          assert.strictEqual((yield* hashes)[0], (yield* store.snapshot).hash)
        }),
      ).pipe(Effect.provide(place)),
  )
})

describe("a document of an older version", () => {
  class Versioned extends ConfigStore.Service<Versioned>()("test/Versioned", {
    schema: Schema.Struct({ keep: Schema.Struct({ days: Schema.Int }) }),
    migrations: [(document) => ({ ...Object(document), keep: { days: Object(document).days } })],
    seed: '{ "version": 2, "keep": { "days": 1 } }',
  }) {}
  const versioned = Versioned.layer.pipe(
    Layer.provideMerge(PublishedEvents.layer),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
  )
  const old = '{\n  // weeks are too long\n  "days": 5\n}'

  it.effect(
    "brings a document of an older version into force, migrates its text with the next write and keeps the original",
    () =>
      Effect.gen(function* () {
        const document = yield* MemoryDocument
        yield* document.save(old)
        yield* Effect.gen(function* () {
          const store = yield* Versioned
          assert.deepStrictEqual((yield* store.snapshot).config, { keep: { days: 5 } })
          assert.strictEqual(yield* document.text, old)
          const first = yield* publishedEvents
          like(first[0], { _tag: "config.migrated", from: 1, to: 2 })
          const [original] = yield* hashes
          yield* store.update([{ path: "/keep/days", value: 6 }])
          const written = (yield* document.text) ?? ""
          assert.include(written, '"version": 2')
          assert.include(written, "// weeks are too long")
          assert.strictEqual((yield* (yield* ConfigSource).history.read(original ?? ""))?.text, old)
          assert.deepStrictEqual(yield* eventTags, ["config.migrated", "config.changed"])
          yield* store.undo
          assert.strictEqual(yield* document.text, old)
          assert.deepStrictEqual((yield* store.snapshot).config, { keep: { days: 5 } })
        }).pipe(Effect.provide(Layer.fresh(versioned)))
      }).pipe(Effect.provide(place)),
  )

  it.effect("migrates a document of an older version also by an edit without effect", () =>
    Effect.gen(function* () {
      const document = yield* MemoryDocument
      yield* document.save(old)
      yield* Effect.gen(function* () {
        yield* (yield* Versioned).update([{ path: "/keep/days", value: 5 }])
        assert.include(yield* document.text, '"version": 2')
        assert.deepStrictEqual(yield* eventTags, ["config.migrated"])
      }).pipe(Effect.provide(Layer.fresh(versioned)))
    }).pipe(Effect.provide(place)),
  )

  it.effect("refuses a document that is newer than the program, and does not touch it", () =>
    Effect.gen(function* () {
      const document = yield* MemoryDocument
      yield* Effect.gen(function* () {
        const store = yield* Versioned
        const future = '{ "version": 3, "keep": { "weeks": 1 } }'
        yield* saved(future)
        assert.match((yield* store.problems)[0]?.message ?? "", /newer version/)
        like((yield* Effect.flip(store.update([{ path: "/keep/days", value: 1 }]))).reason, { _tag: "Rejected" })
        assert.strictEqual(yield* document.text, future)
        assert.strictEqual((yield* store.snapshot).config.keep.days, 1)
      }).pipe(Effect.provide(Layer.fresh(versioned)))
    }).pipe(Effect.provide(place)),
  )
})
