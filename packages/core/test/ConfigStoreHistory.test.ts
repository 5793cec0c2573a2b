import { assert, describe, it } from "@effect/vitest"
import { SourceUnavailable, Unconfirmed } from "@signalbox/core/ConfigError"
import { ConfigSource, MemoryDocument } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { EventBus } from "@signalbox/core/EventBus"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Effect, Layer, Schema } from "effect"
import {
  AppConfig,
  edited,
  forget,
  heard,
  Interfered,
  like,
  place,
  running,
  Said,
  said,
  saved,
  text,
} from "./ConfigStoreHost.ts"

const days = (value: unknown) => [{ path: "/retention/days", value }]
const daysNow = AppConfig.get((config) => config.retention.days)
const hashes = Effect.flatMap(ConfigSource, ({ history }) =>
  Effect.map(history.list, (all) => all.map((one) => one.hash)),
)

describe("undo", () => {
  it.effect("goes back step by step, as a new change each time, to the first document and no further", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(days(1))
        yield* store.update(days(2))
        yield* store.update(days(3))
        yield* forget
        const seen: Array<number> = []
        for (let step = 0; step < 3; step++) {
          yield* store.undo
          seen.push(yield* daysNow)
        }
        assert.deepStrictEqual(seen, [2, 1, 30])
        const error = yield* Effect.flip(store.undo)
        assert.strictEqual(error.reason._tag, "NothingBefore")
        const events = yield* heard
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

  it.effect("goes on where another process left off", () =>
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

  it.effect("of what was set back by hand goes to what was in force before that", () =>
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

  it.effect("brings a document with a rotated secret back with the secret of today, also in another process", () =>
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

  it.effect("of a change that has only replaced a secret is refused, names it, and says that it is not kept", () =>
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
        // Another comment is no other configuration.
        yield* saved(before.replace("{", "{ // rotated").replace("sk-new", "sk-newer"))
        like((yield* Effect.flip(store.undo)).reason, { ...refused, hash: (yield* hashes)[1] })
        assert.include(yield* text, "sk-newer")
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect(
    "goes back to a document whose secret is checked by the schema, which the history's marker would not pass",
    () => {
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
    },
  )

  it.effect("of a change that removed a secret says which one would be needed, and refuses no document", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash } = yield* store.update([{ path: "/providers/a", value: { url: "u", key: "sk-old" } }])
        yield* store.update([...days(3), { path: "/providers/a", remove: true }])
        yield* forget
        like((yield* Effect.flip(store.undo)).reason, { _tag: "SecretNotKept", hash, paths: ["/providers/a/key"] })
        assert.deepStrictEqual([yield* daysNow, yield* said], [3, []])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("finds no secret that was rotated out while the environment hid it", () =>
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

  it.effect("finds no secret that was rotated out while nothing ran", () =>
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

  it.effect("of a save that nobody has looked at is a conflict", () =>
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

  it.effect("heals a refused document, which is kept and said", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const good = yield* text
        const source = yield* ConfigSource
        yield* saved("{ broken")
        const { hash } = yield* source.read
        assert.lengthOf(yield* store.problems, 1)
        yield* forget
        yield* store.undo
        assert.deepStrictEqual([yield* text, yield* store.problems], [good, []])
        const events = yield* heard
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

  it.effect("passes over documents that are not acceptable", () =>
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
  it.effect("keeps the secrets whose markers it holds, and is refused where there is none", () =>
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

  it.effect("keeps the secret that stands there, not the one that was in force", () =>
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

  it.effect("over a save that nobody has looked at keeps it and says so", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const source = yield* ConfigSource
        const unseen = edited(yield* text, ({ models }) => Object.assign(models, { slow: "big" }))
        yield* (yield* MemoryDocument).save(unseen)
        const { hash } = yield* source.read
        yield* forget
        yield* store.replace(JSON.stringify({ retention: { days: 2 } }))
        const events = yield* heard
        assert.deepStrictEqual(
          events.map((event) => event._tag),
          ["config.changed", "config.overwritten"],
        )
        like(events[1], { kept: hash })
        assert.strictEqual((yield* source.history.read(hash))?.text, unseen)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("is not written where what it replaces cannot be kept", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const full = new SourceUnavailable({ path: "history", code: "ENOSPC", detail: "no space left" })
        ;(yield* Interfered).with = { history: { keep: () => Effect.fail(full) } }
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
  it.effect("that cannot be written does not undo a change that is in force", () =>
    running(
      Effect.gen(function* () {
        const full = new SourceUnavailable({ path: "history", code: "ENOSPC", detail: "no space left" })
        ;(yield* Interfered).with = { history: { keep: () => Effect.fail(full) } }
        yield* (yield* AppConfig).update(days(1))
        assert.strictEqual(yield* daysNow, 1)
        assert.include(yield* text, '"days": 1')
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("that cannot be read is an answer", () =>
    running(
      Effect.gen(function* () {
        const gone = new SourceUnavailable({ path: "history", code: "EIO", detail: "i/o error" })
        ;(yield* Interfered).with = { history: { list: Effect.fail(gone) } }
        like((yield* Effect.flip((yield* AppConfig).history)).reason, { code: "EIO" })
        like((yield* Effect.flip((yield* AppConfig).undo)).reason, { code: "EIO" })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("has what a foreign editor saved in the last instant, and the event says where", () =>
    running(
      Effect.gen(function* () {
        const state = yield* Interfered
        state.with.write = (write) => (next, ifHash) =>
          Effect.map(write(next, ifHash), (written) => ({ ...written, overwritten: { hash: "theirs" } }))
        yield* forget
        yield* (yield* AppConfig).update(days(1))
        const events = yield* heard
        like(events[0], { _tag: "config.changed" })
        like(events[1], { _tag: "config.overwritten", kept: "theirs" })
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a write that the disk does not confirm", () => {
  it.effect("is in force, published and kept, and then answered as unconfirmed", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forget
        const state = yield* Interfered
        state.with.write = (write) => (next, ifHash) =>
          Effect.andThen(write(next, ifHash), Effect.fail(new Unconfirmed({ path: "memory" })))
        const error = yield* Effect.flip(store.update(days(1)))
        assert.strictEqual(error.reason._tag, "Unconfirmed")
        assert.strictEqual(yield* daysNow, 1)
        assert.deepStrictEqual(yield* said, ["config.changed"])
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
    Layer.provideMerge(Said.layer),
    Layer.provideMerge(Reconciler.layer),
    Layer.provideMerge(EventBus.layer),
  )
  const old = '{\n  // weeks are too long\n  "days": 5\n}'

  it.effect("is in force as the new one; the text is migrated with the next write, and the original kept", () =>
    Effect.gen(function* () {
      const document = yield* MemoryDocument
      yield* document.save(old)
      yield* Effect.gen(function* () {
        const store = yield* Versioned
        assert.deepStrictEqual((yield* store.snapshot).config, { keep: { days: 5 } })
        assert.strictEqual(yield* document.text, old)
        const first = yield* heard
        like(first[0], { _tag: "config.migrated", from: 1, to: 2 })
        const [original] = yield* hashes
        yield* store.update([{ path: "/keep/days", value: 6 }])
        const written = (yield* document.text) ?? ""
        assert.include(written, '"version": 2')
        assert.include(written, "// weeks are too long")
        assert.strictEqual((yield* (yield* ConfigSource).history.read(original ?? ""))?.text, old)
        assert.deepStrictEqual(yield* said, ["config.migrated", "config.changed"])
        yield* store.undo
        assert.strictEqual(yield* document.text, old)
        assert.deepStrictEqual((yield* store.snapshot).config, { keep: { days: 5 } })
      }).pipe(Effect.provide(Layer.fresh(versioned)))
    }).pipe(Effect.provide(place)),
  )

  it.effect("that is written by an edit without effect is migrated as well", () =>
    Effect.gen(function* () {
      const document = yield* MemoryDocument
      yield* document.save(old)
      yield* Effect.gen(function* () {
        yield* (yield* Versioned).update([{ path: "/keep/days", value: 5 }])
        assert.include(yield* document.text, '"version": 2')
        assert.deepStrictEqual(yield* said, ["config.migrated"])
      }).pipe(Effect.provide(Layer.fresh(versioned)))
    }).pipe(Effect.provide(place)),
  )

  it.effect("newer than the program is refused and left alone", () =>
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
