/** Documents of the history that never were in force: an undo and a start ignore them. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { MemoryDocument } from "@signalbox/core/MemoryConfigSource"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Deferred, Effect, Fiber, Layer } from "effect"
import {
  AppConfig,
  edited,
  eventTags,
  forgetEvents,
  like,
  place,
  publishedEvents,
  RetentionPolicy,
  running,
  saved,
  settings,
  text,
} from "./ConfigStoreHost.ts"

/** A service that refuses 66 days, as long as `refuses`. */
class Keeper extends Context.Service<Keeper, { readonly days: number }>()("test/Keeper") {}
const gate = { refuses: true, before: (_days: number): Effect.Effect<void> => Effect.void }
class Services extends ServiceGraph.Service<Services>()("test/Services", {
  nodes: [
    ServiceGraph.node(Keeper, {
      needs: [RetentionPolicy],
      layer: Layer.effect(
        Keeper,
        Effect.gen(function* () {
          const { days } = yield* RetentionPolicy.get
          yield* gate.before(days)
          return days === 66 && gate.refuses ? yield* Effect.fail("no 66") : Keeper.of({ days })
        }),
      ),
    }),
  ],
}) {}

/** A process with that service. */
const serving = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  running(Effect.provide(effect, Layer.fresh(Services.layer.pipe(Layer.provide(settings)))))
const days = (value: unknown) => [{ path: "/retention", value: { days: value } }]
const daysNow = AppConfig.get((config) => config.retention.days)
const withDays = (value: unknown) =>
  Effect.map(text, (text) => edited(text, (document) => Object.assign(document, { retention: { days: value } })))
const marks = Effect.flatMap(ConfigSource, ({ history }) =>
  Effect.map(history.list, (all) => all.map(({ neverInForce = "in force" }) => neverInForce)),
)

describe("undo", () => {
  it.effect("undoes to the document that was in force, past a save that a service refused", () =>
    serving(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(days(10))
        yield* saved(yield* withDays(66))
        yield* store.update(days(20))
        assert.deepStrictEqual(yield* marks, ["in force", "overwritten", "refused", "in force", "in force"])
        const seen: Array<number> = []
        for (let step = 0; step < 2; step++) seen.push((yield* store.undo).config.retention.days)
        assert.deepStrictEqual(seen, [10, 30])
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("undoes past a save that the schema refused, whatever secrets it had", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update([{ path: "/providers", value: { a: { url: "u", key: "sk-one" } } }, ...days(1)])
        const good = yield* text
        const { hash } = yield* store.snapshot
        yield* saved(
          edited(good, (document) => {
            document.providers.z = { url: "z", key: "sk-z" }
            document.retention.days = "many"
          }),
        )
        yield* store.replace(
          edited(good, (document) => {
            document.providers.a.key = "sk-two"
            document.retention.days = 2
          }),
        )
        assert.strictEqual((yield* store.undo).config.retention.days, 1)
        const [back, , overwritten, before] = yield* store.history
        like(back, { backTo: hash })
        like(overwritten, { neverInForce: "overwritten" })
        like(before, { hash })
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("undoes past a save that was replaced before it was taken, and keeps that save", () =>
    running(
      Effect.gen(function* () {
        const store = yield* AppConfig
        const { history } = yield* ConfigSource
        yield* store.update(days(10))
        const unseen = yield* withDays(11)
        yield* (yield* MemoryDocument).save(unseen)
        yield* store.replace(yield* withDays(12))
        const [, kept] = yield* store.history
        like(kept, { neverInForce: "overwritten" })
        assert.strictEqual((yield* history.read(kept?.hash ?? ""))?.text, unseen)
        assert.strictEqual((yield* store.undo).config.retention.days, 10)
      }),
    ).pipe(Effect.provide(place)),
  )

  it.effect("undoes to a document that was refused first and came into force later", () =>
    serving(
      Effect.gen(function* () {
        const store = yield* AppConfig
        yield* store.update(days(10))
        yield* saved(yield* withDays(66))
        gate.refuses = false
        yield* store.reload()
        assert.strictEqual(yield* daysNow, 66)
        yield* store.update(days(20))
        assert.strictEqual((yield* store.undo).config.retention.days, 66)
        assert.strictEqual((yield* store.undo).config.retention.days, 10)
      }).pipe(Effect.ensuring(Effect.sync(() => (gate.refuses = true)))),
    ).pipe(Effect.provide(place)),
  )

  it.effect("undoes correctly although another process of the document follows late", () =>
    Effect.gen(function* () {
      const preparing = yield* Deferred.make<void>()
      const leave = yield* Deferred.make<void>()
      yield* running(
        Effect.gen(function* () {
          const quick = yield* AppConfig
          yield* quick.update(days(1))
          yield* serving(
            Effect.gen(function* () {
              const slow = yield* AppConfig
              gate.before = (days) =>
                days === 10
                  ? Effect.andThen(Deferred.succeed(preparing, undefined), Deferred.await(leave))
                  : Effect.void
              yield* quick.update(days(10))
              const following = yield* Effect.forkChild(slow.reload())
              yield* Deferred.await(preparing)
              yield* quick.update(days(20))
              yield* Deferred.succeed(leave, undefined)
              yield* Fiber.join(following)
              yield* slow.reload()
              assert.strictEqual((yield* slow.snapshot).config.retention.days, 20)
              const seen: Array<number> = []
              for (let step = 0; step < 3; step++) seen.push((yield* quick.undo).config.retention.days)
              assert.deepStrictEqual(seen, [10, 1, 30])
            }),
          )
        }),
      )
    }).pipe(Effect.ensuring(Effect.sync(() => (gate.before = () => Effect.void))), Effect.provide(place)),
  )
})

describe("a process that starts with a document that a service refused earlier", () => {
  /** 10 days are in force, 66 were saved and refused. */
  const refused = serving(
    Effect.gen(function* () {
      yield* (yield* AppConfig).update(days(10))
      const next = yield* withDays(66)
      yield* saved(edited(next, (document) => Object.assign(document.providers, { a: { url: "u", key: "sk-new" } })))
    }),
  )

  it.effect("serves the last good document and reports it at every start", () =>
    Effect.gen(function* () {
      yield* refused
      const { hash, text: whole } = yield* (yield* ConfigSource).read
      for (let start = 0; start < 2; start++) {
        yield* serving(
          Effect.gen(function* () {
            const store = yield* AppConfig
            assert.strictEqual(yield* daysNow, 10)
            const [problem, ...others] = yield* store.problems
            assert.deepStrictEqual(others, [])
            like(problem, { by: "history", path: "" })
            assert.match(problem?.message ?? "", /a service refused .* correct it, or `reload`/)
            const events = yield* publishedEvents
            assert.lengthOf(events, 1)
            like(events[0], { _tag: "config.rejected", origin: "start", hash, problems: [problem] })
            assert.include(yield* text, "66")
            assert.deepStrictEqual(yield* marks, ["refused", "in force", "in force"])
            const kept = yield* (yield* ConfigSource).history.read(hash)
            assert.strictEqual(kept?.text, whole.replace("sk-new", "<redacted>"))
          }),
        )
      }
    }).pipe(Effect.provide(place)),
  )

  it.effect("tries a document that was refused earlier again by a reload", () =>
    Effect.gen(function* () {
      yield* refused
      yield* serving(
        Effect.gen(function* () {
          const store = yield* AppConfig
          like((yield* Effect.flip(store.reload())).reason, { _tag: "Rejected" })
          like((yield* store.problems)[0], { by: "test/Keeper" })
          gate.refuses = false
          yield* store.reload()
          assert.deepStrictEqual([yield* daysNow, yield* store.problems], [66, []])
        }),
      )
      yield* serving(
        Effect.gen(function* () {
          assert.deepStrictEqual([yield* daysNow, yield* (yield* AppConfig).problems], [66, []])
        }),
      )
    }).pipe(Effect.ensuring(Effect.sync(() => (gate.refuses = true))), Effect.provide(place)),
  )

  it.effect("takes the correction of a document that was refused earlier", () =>
    Effect.gen(function* () {
      yield* refused
      yield* serving(
        Effect.gen(function* () {
          yield* forgetEvents
          yield* saved(yield* withDays(12))
          assert.deepStrictEqual([yield* daysNow, yield* (yield* AppConfig).problems], [12, []])
          assert.deepStrictEqual(
            (yield* eventTags).filter((type) => type.startsWith("config.")),
            ["config.changed"],
          )
        }),
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("replaces a document that was refused earlier by an undo", () =>
    Effect.gen(function* () {
      yield* refused
      yield* serving(
        Effect.gen(function* () {
          const store = yield* AppConfig
          yield* store.undo
          assert.deepStrictEqual([yield* daysNow, yield* store.problems], [10, []])
          assert.notInclude(yield* text, "66")
          yield* store.undo
          assert.strictEqual(yield* daysNow, 30)
        }),
      )
    }).pipe(Effect.provide(place)),
  )

  it.effect("fails at a strict start on a document that was refused earlier", () =>
    Effect.gen(function* () {
      yield* refused
      const strictly = Effect.provideService(serving(Effect.void), ConfigStore.StrictStart, true)
      const error = yield* Effect.flip(strictly)
      assert.include(String(error), "a service refused this document")
    }).pipe(Effect.provide(place)),
  )
})

it.effect("tries a document at start that was only overwritten before", () =>
  Effect.gen(function* () {
    const unseen = yield* running(
      Effect.gen(function* () {
        const unseen = yield* withDays(11)
        yield* (yield* MemoryDocument).save(unseen)
        yield* (yield* AppConfig).replace(yield* withDays(12))
        return unseen
      }),
    )
    yield* (yield* MemoryDocument).save(unseen)
    yield* running(
      Effect.gen(function* () {
        assert.deepStrictEqual([yield* daysNow, yield* (yield* AppConfig).problems], [11, []])
      }),
    )
  }).pipe(Effect.provide(place)),
)
