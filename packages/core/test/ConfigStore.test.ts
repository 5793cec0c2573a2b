import { assert, describe, it } from "@effect/vitest"
import { Busy, Conflict } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { StrictStart } from "@signalbox/core/ConfigStore"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Deferred, Effect, Exit, Fiber, Layer, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  AppConfig,
  edited,
  eventTags,
  forgetEvents,
  idle,
  like,
  ModelSettings,
  ProviderSettings,
  place,
  program,
  publishedEvents,
  RetentionPolicy,
  running,
  SourceControl,
  saved,
  text,
} from "./ConfigStoreHost.ts"

const days = (value: unknown) => [{ path: "/retention/days", value }]

describe("the start of a store", () => {
  it.effect("writes a first document with every default when there is none, and publishes config.seeded", () =>
    running(
      Effect.gen(function* () {
        const { config, hash, revision } = yield* (yield* AppConfig).snapshot
        assert.strictEqual(revision, 1)
        assert.deepStrictEqual(config.models, { fast: "small" })
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 30)
        assert.deepStrictEqual(yield* RetentionPolicy.get, { days: 30 })
        const source = yield* ConfigSource
        assert.strictEqual((yield* source.read).hash, hash)
        assert.deepStrictEqual(
          (yield* source.history.list).map((entry) => entry.hash),
          [hash],
        )
        assert.deepStrictEqual(yield* eventTags, ["config.seeded"])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("publishes nothing at a start with the document of the last process", () =>
    Effect.gen(function* () {
      yield* running(Effect.void)
      assert.deepStrictEqual(yield* running(eventTags), [])
    }).pipe(Effect.provide(place)),
  )

  it.effect("publishes at its start what changed since the last process", () =>
    Effect.gen(function* () {
      const before = yield* running(Effect.flatMap(AppConfig, (store) => store.snapshot))
      yield* (yield* MemoryDocument).save(
        edited(yield* text, (document) => Object.assign(document.models, { slow: "big" })),
      )
      const [[changed, ...rest], changes] = yield* running(
        Effect.zip(
          publishedEvents,
          Effect.flatMap(AppConfig, (store) => store.changesOf(1)),
        ),
      )
      assert.deepStrictEqual(changes, [{ path: "/models/slow", before: undefined, after: "big" }])
      like(changed, {
        _tag: "config.changed",
        revision: 1,
        origin: "start",
        previousHash: before.hash,
        paths: ["/models/slow"],
      })
      assert.deepStrictEqual(rest, [])
      assert.deepStrictEqual(yield* running(eventTags), [])
    }).pipe(Effect.provide(place)),
  )

  it.effect("serves the newest accepted document when the document is refused at start, and reports why", () =>
    Effect.gen(function* () {
      const accepted = yield* running(Effect.flatMap(AppConfig, (store) => store.update(days(7))))
      const bad = (yield* text).replace('"days": 7', '"days": "x"')
      yield* (yield* MemoryDocument).save(bad)
      yield* running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          assert.deepStrictEqual(yield* store.snapshot, { hash: accepted.hash, config: accepted.config, revision: 1 })
          const [problem] = yield* store.problems
          const line = bad.split("\n").findIndex((line) => line.includes('"x"')) + 1
          like(problem, { by: "schema", path: "/retention/days", line, column: 13 })
          yield* idle
          const events = yield* publishedEvents
          assert.deepStrictEqual(
            events.map((event) => event._tag),
            ["config.rejected"],
          )
          like(events[0], { origin: "start", hash: (yield* (yield* ConfigSource).read).hash })
          assert.strictEqual(yield* text, bad)
        }),
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("fails at a strict start on a refused document, whatever the history has", () =>
    Effect.gen(function* () {
      yield* running(Effect.void)
      yield* (yield* MemoryDocument).save('{\n  "retention": { "days": -1 }\n}')
      const error = yield* Effect.flip(
        Layer.build(program()).pipe(Effect.provideService(StrictStart, true), Effect.scoped),
      )
      assert.strictEqual(error.reason._tag, "Rejected")
      assert.include(error.message, "memory:2:26: must be")
      assert.include(error.message, "(at /retention/days)")
    }).pipe(Effect.provide(place)),
  )

  it.effect("fails when neither the document nor the history is acceptable, and reports the line", () =>
    Effect.gen(function* () {
      yield* (yield* MemoryDocument).save('{\n  "models": {,}\n}')
      const error = yield* Effect.flip(Effect.scoped(Layer.build(program())))
      assert.include(error.message, "memory:2:14: ")
    }).pipe(Effect.provide(place)),
  )

  it.effect("fails with the next step when the source cannot be read and there is no history", () =>
    Effect.gen(function* () {
      yield* (yield* MemoryDocument).fail("EACCES")
      const error = yield* Effect.flip(Effect.scoped(Layer.build(program())))
      like(error.reason, { _tag: "SourceUnavailable", code: "EACCES" })
      assert.include(error.message, "right to read")
    }).pipe(Effect.provide(place)),
  )

  it.effect("serves the history when the source cannot be read, and the document as soon as it can be", () =>
    Effect.gen(function* () {
      yield* running(Effect.void)
      yield* (yield* MemoryDocument).fail("EIO")
      yield* running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          like((yield* store.problems)[0], { by: "source" })
          yield* (yield* MemoryDocument).fail(undefined)
          assert.deepStrictEqual(yield* store.reload(), [])
          assert.deepStrictEqual(yield* store.problems, [])
          assert.deepStrictEqual(yield* eventTags, ["config.rejected", "config.restored"])
        }),
      )
    }).pipe(Effect.provide(place)),
  )
})

describe("an update", () => {
  it.effect("writes an update, brings it into force, publishes it once and keeps it in the history", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* store.snapshot
        yield* forgetEvents
        const models = yield* ModelSettings.get
        const after = yield* store.update(days(7))
        assert.deepStrictEqual([after.revision, after.config.retention.days], [2, 7])
        const { config, hash, revision } = after
        assert.deepStrictEqual(yield* store.snapshot, { revision, hash, config })
        assert.deepStrictEqual(yield* RetentionPolicy.get, { days: 7 })
        assert.strictEqual(yield* ModelSettings.get, models)
        assert.include(yield* text, '"days": 7')
        assert.deepStrictEqual(
          (yield* store.history).map(({ hash }) => hash),
          [after.hash, before.hash],
        )
        const events = yield* publishedEvents
        assert.lengthOf(events, 1)
        like(events[0], {
          _tag: "config.changed",
          revision: 2,
          hash: after.hash,
          previousHash: before.hash,
          origin: "api",
          paths: ["/retention/days"],
          truncated: false,
          restartRequired: [],
        })
        assert.deepStrictEqual(yield* store.changesOf(2), [{ path: "/retention/days", before: 30, after: 7 }])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("reports which changes of an update need a restart", () =>
    running(
      Effect.gen(function* () {
        yield* forgetEvents
        yield* (yield* AppConfig).update([{ path: "/port", value: 80 }, ...days(1)])
        const [changed] = yield* publishedEvents
        like(changed, { restartRequired: ["/port"] })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("merges an update with a save that was not taken yet", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        const unseen = edited(yield* text, (document) => Object.assign(document.models, { slow: "big" }))
        yield* (yield* MemoryDocument).save(unseen)
        const { config } = yield* store.update(days(7))
        assert.deepStrictEqual([config.models, config.retention], [{ fast: "small", slow: "big" }, { days: 7 }])
        const events = yield* publishedEvents
        assert.deepStrictEqual(
          events.map((event) => event._tag),
          ["config.changed"],
        )
        like(events[0], { paths: ["/models/slow", "/retention/days"] })
        yield* store.undo
        assert.strictEqual(yield* text, unseen)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect(
    "publishes nothing for an update without effect, advances text and hash, and lets later writes succeed",
    () =>
      running(
        Effect.gen(function* () {
          const store = yield* AppConfig
          const before = yield* store.snapshot
          yield* forgetEvents
          const commented = `// mine\n${yield* text}`
          const after = yield* store.replace(commented, { ifHash: before.hash })
          assert.strictEqual(after.revision, 1)
          assert.notStrictEqual(after.hash, before.hash)
          assert.strictEqual(after.config, before.config)
          assert.deepStrictEqual(yield* eventTags, [])
          const next = yield* store.update(days(7), { ifHash: after.hash })
          assert.strictEqual(next.revision, 2)
          assert.isTrue((yield* text).startsWith("// mine\n"))
        }),
      ).pipe(Effect.provide(place)),
  )

  it.effect("publishes an update once that is written twenty times", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        yield* Effect.forEach(Array(20).keys(), () => store.update(days(7)), { concurrency: "unbounded" })
        assert.deepStrictEqual(yield* eventTags, ["config.changed"])
        assert.strictEqual((yield* store.snapshot).revision, 2)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("publishes twenty concurrent updates once each, in their order", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* forgetEvents
        yield* Effect.forEach(Array(20).keys(), (value) => store.update(days(value)), { concurrency: "unbounded" })
        const events = yield* publishedEvents
        assert.deepStrictEqual(
          events.map((event) => (event as { readonly revision?: number }).revision),
          Array.from({ length: 20 }, (_, index) => index + 2),
        )
        const hashes = events.map(
          (event) => event as unknown as { readonly hash: string; readonly previousHash: string },
        )
        for (const [index, { previousHash }] of hashes.entries()) {
          if (index > 0) assert.strictEqual(previousHash, hashes[index - 1]?.hash)
        }
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("changes nothing when the schema refuses an update, and reports the place in the new text", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const [before, snapshot] = [yield* text, yield* store.snapshot]
        yield* forgetEvents
        const error = yield* Effect.flip(store.update(days("x")))
        assert.strictEqual(error.reason._tag, "Rejected")
        assert.match(error.message, /memory:\d+:\d+: must be .* \(at \/retention\/days\)/)
        assert.strictEqual(yield* text, before)
        assert.strictEqual(yield* store.snapshot, snapshot)
        assert.deepStrictEqual(yield* store.problems, [])
        assert.deepStrictEqual(yield* eventTags, ["config.rejected"])
        yield* Effect.flip(store.update(days("x")))
        assert.deepStrictEqual(yield* eventTags, ["config.rejected"])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("fails with Conflict and changes nothing when an update names another document", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { hash } = yield* store.snapshot
        const { hash: actual } = yield* store.update(days(7))
        const error = yield* Effect.flip(store.update(days(8), { ifHash: hash }))
        like(error.reason, { _tag: "Conflict", expected: hash, actual })
        const replaced = yield* Effect.flip(store.replace("{}", { ifHash: hash }))
        like(replaced.reason, { _tag: "Conflict", expected: hash, actual })
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 7)
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("a document that another writer changes during a write", () => {
  const movesBefore = (...attempts: ReadonlyArray<number>) =>
    Effect.gen(function* () {
      const state = yield* SourceControl
      const document = yield* MemoryDocument
      let attempt = 0
      state.with = {
        write: (write) => (next, ifHash) =>
          Effect.gen(function* () {
            attempt++
            if (attempts.includes(attempt)) {
              const there = (yield* document.text) ?? ""
              yield* document.save(edited(there, ({ models }) => Object.assign(models, { [`at${attempt}`]: "m" })))
            }
            return yield* write(next, ifHash)
          }),
      }
      return { count: Effect.sync(() => attempt) }
    })

  it.effect("applies the edits again when another writer changed the document", () =>
    running(
      Effect.gen(function* () {
        const { count } = yield* movesBefore(1, 2)
        let locked = 0
        ;(yield* SourceControl).with.exclusively = Effect.sync(() => void locked++)
        const { config } = yield* (yield* AppConfig).update(days(7))
        // Each attempt writes under the lock; the third prepares under it, too.
        assert.deepStrictEqual([yield* count, locked], [3, 4])
        assert.deepStrictEqual([config.models, config.retention.days], [{ fast: "small", at1: "m", at2: "m" }, 7])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("keeps writers out during the third attempt, and fails with Conflict on an editor's save even then", () =>
    running(
      Effect.gen(function* () {
        yield* movesBefore(1, 2, 3)
        const store = yield* AppConfig
        const before = yield* store.snapshot
        yield* forgetEvents
        const error = yield* Effect.flip(store.update(days(7)))
        assert.strictEqual(error.reason._tag, "Conflict")
        assert.strictEqual(yield* store.snapshot, before)
        assert.notInclude(yield* text, '"days": 7')
        assert.deepStrictEqual(yield* eventTags, [])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("fails with Conflict at once when the caller named a hash", () =>
    running(
      Effect.gen(function* () {
        const { count } = yield* movesBefore(1)
        const store = yield* AppConfig
        const { hash } = yield* store.snapshot
        const error = yield* Effect.flip(store.update(days(7), { ifHash: hash }))
        like(error.reason, { _tag: "Conflict", expected: hash })
        assert.strictEqual(yield* count, 1)
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("an editor's save", () => {
  it.effect("brings a saved file into force, publishes its origin, and changes only the settings it touches", () =>
    running(
      Effect.gen(function* () {
        const [models, providers] = [yield* ModelSettings.get, yield* ProviderSettings.get]
        yield* forgetEvents
        const changes = yield* Effect.forkChild(Stream.runCollect(Stream.take(RetentionPolicy.changes, 2)))
        yield* saved(edited(yield* text, ({ retention }) => Object.assign(retention, { days: 1 })))
        assert.deepStrictEqual(yield* Fiber.join(changes), [{ days: 30 }, { days: 1 }])
        assert.strictEqual(yield* ModelSettings.get, models)
        assert.strictEqual(yield* ProviderSettings.get, providers)
        const events = yield* publishedEvents
        assert.lengthOf(events, 1)
        like(events[0], { origin: "file", revision: 2, paths: ["/retention/days"] })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("takes twenty quick saves once, with the text of the last", () =>
    running(
      Effect.gen(function* () {
        yield* forgetEvents
        const state = yield* SourceControl
        const document = yield* MemoryDocument
        const first = yield* text
        const { reads } = state
        for (let value = 0; value < 19; value++) {
          yield* document.save(edited(first, ({ retention }) => Object.assign(retention, { days: value })))
          yield* TestClock.adjust("10 millis")
        }
        yield* saved(edited(first, ({ retention }) => Object.assign(retention, { days: 99 })))
        assert.strictEqual(state.reads, reads + 1)
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 99)
        assert.deepStrictEqual(yield* eventTags, ["config.changed"])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("takes all saves that arrive during a change as one", () =>
    running(
      Effect.gen(function* () {
        const reconciler = yield* Reconciler
        const state = yield* SourceControl
        const document = yield* MemoryDocument
        const first = yield* text
        const gate = yield* Deferred.make<void>()
        yield* Effect.forkChild(
          reconciler.run(() => Deferred.await(gate)),
          { startImmediately: true },
        )
        const { reads } = state
        for (let value = 0; value < 5; value++) {
          yield* document.save(edited(first, ({ retention }) => Object.assign(retention, { days: value })))
          yield* TestClock.adjust("1 second")
        }
        assert.isAtMost(yield* reconciler.queued, 2)
        yield* Deferred.succeed(gate, undefined)
        yield* idle
        yield* saved(first)
        assert.isAtMost(state.reads, reads + 3)
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 30)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("publishes nothing when a save changes a comment", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* store.snapshot
        yield* forgetEvents
        yield* saved(`${yield* text}// later\n`)
        const after = yield* store.snapshot
        assert.deepStrictEqual([after.revision, after.config], [before.revision, before.config])
        assert.notStrictEqual(after.hash, before.hash)
        assert.deepStrictEqual(yield* eventTags, [])
      }),
    ).pipe(Effect.provide(place)),
  )
})

describe("many changes at once", () => {
  it.effect("fails with Busy beyond 64 waiting changes, and serves all that wait, hints included", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const reconciler = yield* Reconciler
        yield* idle
        const gate = yield* Deferred.make<void>()
        const held = yield* Effect.forkChild(
          reconciler.run(() => Deferred.await(gate)),
          { startImmediately: true },
        )
        const fibers = yield* Effect.forEach(Array(70).keys(), (value) =>
          Effect.forkChild(Effect.exit(store.update(days(value))), { startImmediately: true }),
        )
        const document = yield* MemoryDocument
        yield* Effect.forkChild(saved(edited(yield* text, ({ models }) => Object.assign(models, { slow: "big" }))))
        yield* Effect.yieldNow
        yield* Deferred.succeed(gate, undefined)
        const answers = yield* Effect.forEach(fibers, Fiber.join)
        const refused = answers.filter(Exit.isFailure)
        assert.lengthOf(refused, 7)
        const reasons = yield* Effect.forEach(refused, (exit) => Effect.flip(exit))
        for (const error of reasons) assert.strictEqual(error.reason._tag, "Busy")
        yield* Fiber.join(held)
        yield* idle
        assert.strictEqual(yield* document.text, yield* text)
        like((yield* store.snapshot).config, {
          models: { fast: "small", slow: "big" },
          retention: { days: 62 },
        })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("runs a change to its end when its caller is interrupted", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const gate = yield* Deferred.make<void>()
        const reached = yield* Deferred.make<void>()
        ;(yield* SourceControl).with.write = (write) => (next, ifHash) =>
          Effect.andThen(
            Deferred.succeed(reached, undefined),
            Effect.andThen(Deferred.await(gate), write(next, ifHash)),
          )
        const caller = yield* Effect.forkChild(store.update(days(7)))
        yield* Deferred.await(reached)
        yield* Fiber.interrupt(caller)
        yield* Deferred.succeed(gate, undefined)
        yield* idle
        assert.strictEqual(yield* AppConfig.get((config) => config.retention.days), 7)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("fails with Busy and changes nothing when another process holds the lock", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const before = yield* store.snapshot
        yield* forgetEvents
        const state = yield* SourceControl
        state.with.write = () => () => Effect.fail(new Busy({ detail: "another process writes" }))
        assert.include((yield* Effect.flip(store.update(days(7)))).message, "another process writes")
        assert.strictEqual(yield* store.snapshot, before)
        state.with = {}
        state.with.write = () => (_, ifHash) => Effect.fail(new Conflict({ expected: ifHash, actual: "x" }))
        assert.strictEqual((yield* Effect.flip(store.update(days(7)))).reason._tag, "Conflict")
        assert.deepStrictEqual(yield* eventTags, [])
      }),
    ).pipe(Effect.provide(place)),
  )
})
