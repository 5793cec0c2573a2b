import { assert, describe, it } from "@effect/vitest"
import { type ConfigStoreError, SourceUnavailable } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import {
  AppConfig,
  edited,
  eventTags,
  forgetEvents,
  like,
  place,
  publishedEvents,
  running,
  SourceControl,
  saved,
  text,
  until,
} from "./ConfigStoreHost.ts"

const days = (value: unknown) => [{ path: "/retention/days", value }]
const bad = '{\n  "retention": { "days": "x" }\n}'

describe("a refused save", () => {
  it.effect("changes nothing on a refused save, and publishes it once with line and column", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* store.snapshot
        yield* forgetEvents
        yield* saved(bad)
        assert.strictEqual(yield* store.snapshot, before)
        const events = yield* publishedEvents
        assert.lengthOf(events, 1)
        const { hash } = yield* (yield* ConfigSource).read
        like(events[0], { _tag: "config.rejected", origin: "file", hash, truncated: false })
        const [problem] = yield* store.problems
        like(problem, { by: "schema", path: "/retention/days", line: 2, column: 26 })
        like((yield* Effect.flip(store.reload())).reason, { _tag: "Rejected" })
        like((yield* Effect.flip(store.update(days(1)))).reason, { _tag: "Rejected", problems: [problem] })
        assert.strictEqual(yield* text, bad)
        assert.deepStrictEqual(yield* eventTags, ["config.rejected"])
        like(yield* store.document, { hash: before.hash })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("publishes a refused save again after a good one, or with other problems", () =>
    running(
      Effect.gen(function* () {
        const good = yield* text
        yield* forgetEvents
        const [rejected, restored] = ["config.rejected", "config.restored"]
        yield* saved(bad)
        yield* saved(`${bad} // still`)
        yield* saved(good)
        assert.deepStrictEqual(yield* (yield* AppConfig).problems, [])
        yield* saved(bad)
        assert.deepStrictEqual(yield* eventTags, [rejected, rejected, restored, rejected])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect(
    "publishes config.restored once after a save without changes, or config.changed after one with changes",
    () =>
      running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          const good = yield* text
          yield* forgetEvents
          yield* saved(bad)
          yield* saved(`${good}// with a comment`)
          const { hash } = yield* store.snapshot
          yield* saved(good)
          yield* store.reload()
          const events = yield* publishedEvents
          assert.deepStrictEqual(
            events.map(({ _tag }) => _tag),
            ["config.rejected", "config.restored"],
          )
          like(events[1], { hash, origin: "file" })
          yield* forgetEvents
          yield* saved(bad)
          yield* saved(edited(good, ({ retention }) => Object.assign(retention, { days: 8 })))
          assert.deepStrictEqual(yield* eventTags, ["config.rejected", "config.changed"])
          yield* forgetEvents
          yield* saved(bad)
          yield* store.override(days(9))
          assert.deepStrictEqual(yield* eventTags, ["config.rejected", "config.changed"])
          assert.lengthOf(yield* store.problems, 1)
        }),
      ).pipe(Effect.provide(place)),
  )

  it.effect("replaces a refused save by a whole text", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* saved("{ broken")
        const { config } = yield* store.replace(JSON.stringify({ retention: { days: 2 } }))
        assert.strictEqual(config.retention.days, 2)
        assert.deepStrictEqual(yield* store.problems, [])
        yield* store.update(days(3))
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("publishes a refused save with the origin of the file when an update meets it first", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        yield* (yield* MemoryDocument).save(bad)
        like((yield* Effect.flip(store.update(days(1)))).reason, { _tag: "Rejected" })
        like((yield* publishedEvents)[0], { _tag: "config.rejected", origin: "file" })
        assert.lengthOf(yield* store.problems, 1)
        like((yield* store.plan(days(1))).problems[0], { path: "/retention/days" })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("allows overrides while a save is refused, without publishing the refusal again", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* saved(bad)
        const { config } = yield* store.override(days(2))
        assert.strictEqual(config.retention.days, 2)
        assert.lengthOf(yield* store.problems, 1)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("bounds the problems of a refused save", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        const models = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`m${index}`, index]))
        const error = yield* Effect.flip(store.replace(JSON.stringify({ models })))
        assert.strictEqual(error.reason._tag, "Rejected")
        if (error.reason._tag === "Rejected") assert.isAtMost(error.reason.problems.length, 256)
        const [event] = (yield* publishedEvents) as unknown as ReadonlyArray<{
          readonly problems: ReadonlyArray<unknown>
        }>
        assert.isAtMost(event?.problems.length ?? 0, 256)
        assert.isBelow(error.message.split("\n").length, 10)
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a missing document", () => {
  it.effect(
    "keeps the last good document in force when it is removed, publishes this once, and restores it with the next write",
    () =>
      running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          const before = yield* store.snapshot
          yield* forgetEvents
          yield* saved(undefined)
          like((yield* Effect.flip(store.reload())).reason, { _tag: "SourceUnavailable", code: "ENOENT" })
          assert.strictEqual(yield* store.snapshot, before)
          const events = yield* publishedEvents
          assert.lengthOf(events, 1)
          like(events[0], { _tag: "config.rejected" })
          like((yield* store.problems)[0], { by: "source" })
          const { config } = yield* store.update([{ path: "/models/slow", value: "big" }], { ifHash: before.hash })
          assert.deepStrictEqual(config.models, { fast: "small", slow: "big" })
          assert.include(yield* text, '"fast": "small"')
          assert.deepStrictEqual(yield* store.problems, [])
        }),
      ).pipe(Effect.provide(place)),
  )

  it.effect("restores a removed document unchanged by an undo or by an update without effect", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* text
        yield* forgetEvents
        yield* (yield* MemoryDocument).save(undefined)
        yield* store.undo
        assert.strictEqual(yield* text, before)
        yield* (yield* MemoryDocument).save(undefined)
        yield* store.update(days(30))
        assert.strictEqual(yield* text, before)
        assert.deepStrictEqual(yield* eventTags, [])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("does not overwrite a document that an editor puts back at the same moment", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* text
        const document = yield* MemoryDocument
        yield* document.save(undefined)
        const theirs = edited(before, ({ models }) => Object.assign(models, { slow: "big" }))
        let first = true
        const state = yield* SourceControl
        state.with.seed = (seed) => (next) =>
          Effect.andThen(
            Effect.suspend(() => {
              if (!first) return Effect.void
              first = false
              return document.save(theirs)
            }),
            seed(next),
          )
        const { config } = yield* store.update(days(2))
        assert.deepStrictEqual([config.models, config.retention.days], [{ fast: "small", slow: "big" }, 2])
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a source that cannot be read", () => {
  it.effect("fails with the code of an unreadable source, publishes it once, and recovers when it is readable", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const document = yield* MemoryDocument
        yield* forgetEvents
        yield* document.fail("EIO")
        for (const attempt of [
          store.update(days(1)),
          store.replace("{}"),
          store.undo,
          store.reload(),
          store.plan([]),
        ]) {
          like((yield* Effect.flip(attempt as Effect.Effect<unknown, ConfigStoreError>)).reason, {
            _tag: "SourceUnavailable",
            code: "EIO",
          })
        }
        const events = yield* publishedEvents
        assert.lengthOf(events, 1)
        like(events[0], { _tag: "config.rejected" })
        like((yield* store.problems)[0], { by: "source" })
        yield* document.fail(undefined)
        yield* store.reload()
        assert.deepStrictEqual(yield* store.problems, [])
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a read that fails once", () => {
  it.effect("reads again by itself after one failed read", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const state = yield* SourceControl
        yield* forgetEvents
        const broken = new SourceUnavailable({ path: "memory", code: "EIO", detail: "i/o error" })
        state.with.read = () => Effect.fail(broken)
        yield* Effect.flip(store.update(days(1)))
        yield* Effect.flip(store.update(days(1)))
        assert.lengthOf(yield* store.problems, 1)
        state.with = {}
        yield* TestClock.adjust("5 seconds")
        yield* until(Effect.map(store.problems, (problems) => problems.length === 0))
        assert.deepStrictEqual(yield* eventTags, ["config.rejected", "config.restored"])
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("warnings", () => {
  it.effect("warns of unknown keys with near names, and accepts the document", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* saved(edited(yield* text, (document) => Object.assign(document, { retenton: { days: 1 } })))
        assert.deepStrictEqual(yield* store.problems, [])
        const [warning] = yield* store.warnings
        like(warning, { path: "/retenton" })
        assert.include(warning?.message, '"retention"')
        yield* store.update(days(2))
        assert.include(yield* text, "retenton")
      }),
    ).pipe(Effect.provide(place)),
  )
})
