import { assert, describe, it } from "@effect/vitest"
import { ModelRegistry, type ModelRegistryError, RegistrationLimits } from "@signalbox/core/ModelRegistry"
import { Reconciler } from "@signalbox/core/Reconciler"
import { Deferred, Effect, Fiber, Layer, Scope } from "effect"
import {
  close,
  edit,
  eventsOf,
  host,
  type ModelInputs,
  open,
  origins,
  parts,
  register,
  resolved,
  settled,
  table,
} from "./ModelHost.ts"

describe("ModelRegistry events", () => {
  const models = { a: { upstream: "ua", provider: "p" }, b: { upstream: "ub", provider: "p" } }

  it.effect("publishes changed models after the event of the edit, in the same commit", () =>
    Effect.gen(function* () {
      const edited = edit({
        models: { a: { upstream: "other", provider: "p", enabled: false }, c: { upstream: "uc", provider: "q" } },
      })
      assert.deepStrictEqual(yield* eventsOf(edited), [
        ["test.edited", {}],
        ["model.removed", { alias: "b", provider: "p", upstream: "ub", enabled: true }],
        [
          "model.changed",
          { alias: "a", provider: "p", upstream: "other", enabled: false, changed: ["upstream", "enabled"] },
        ],
        ["model.added", { alias: "c", provider: "q", upstream: "uc", enabled: true }],
      ])
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("publishes nothing for a model that is rewritten without a change", () =>
    Effect.gen(function* () {
      yield* edit({ models: { a: { upstream: "ua", provider: "p", allowedKeys: ["x", "y"] } } })
      const same = edit({
        models: { a: { upstream: "ua", provider: "p", enabled: true, allowedKeys: ["y", "x", "y"] } },
      })
      assert.deepStrictEqual(yield* eventsOf(same), [["test.edited", {}]])
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("publishes that the allowed keys of a model changed, but not the keys", () =>
    Effect.gen(function* () {
      const events = yield* eventsOf(edit({ models: { ...models, a: { ...models.a, allowedKeys: ["key-of-alice"] } } }))
      assert.deepStrictEqual(events, [
        ["test.edited", {}],
        ["model.changed", { alias: "a", provider: "p", upstream: "ua", enabled: true, changed: ["allowed_keys"] }],
      ])
    }).pipe(Effect.provide(host({ models }))),
  )

  it.effect("publishes nothing for the models of the first document", () =>
    Effect.gen(function* () {
      const started = Effect.scoped(Layer.build(Layer.fresh(ModelRegistry.layer)))
      assert.deepStrictEqual(yield* eventsOf(started), [])
    }).pipe(Effect.provide(parts({ models }))),
  )

  it.effect("publishes nothing for a refused edit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* eventsOf(Effect.flip(edit({ models: {}, defaultAlias: "a" }))), [])
      assert.deepStrictEqual(yield* table, { a: "ua@p", b: "ub@p" })
    }).pipe(Effect.provide(host({ models }))),
  )
})

describe("ModelRegistry.register", () => {
  it.effect("adds models before it returns, and removes them when their Scope closes", () =>
    Effect.gen(function* () {
      const plugin = yield* open("plugin", { x: { upstream: "ux" }, y: { upstream: "uy", provider: "elsewhere" } })
      assert.strictEqual(yield* resolved("x"), "ux")
      assert.deepStrictEqual(yield* table, { x: "ux@plugin", y: "uy@elsewhere" })
      assert.deepStrictEqual(yield* origins, { x: "plugin", y: "plugin" })
      const events = yield* eventsOf(Effect.andThen(close(plugin), settled))
      assert.deepStrictEqual(events, [
        ["model.removed", { alias: "x", provider: "plugin", upstream: "ux", enabled: true }],
        ["model.removed", { alias: "y", provider: "elsewhere", upstream: "uy", enabled: true }],
      ])
      assert.strictEqual(yield* resolved("x"), "UnknownModel")
    }).pipe(Effect.provide(host())),
  )

  it.effect("lets a later registration override an earlier one, and the document override both", () =>
    Effect.gen(function* () {
      yield* open("first", { x: { upstream: "1" } })
      const second = yield* open("second", { x: { upstream: "2" } })
      assert.deepStrictEqual(yield* table, { x: "2@second" })
      yield* edit({ models: { x: { upstream: "0", provider: "p" } } })
      assert.deepStrictEqual(yield* table, { x: "0@p" })
      assert.deepStrictEqual(yield* origins, { x: undefined })
      assert.deepStrictEqual(yield* eventsOf(Effect.andThen(close(second), settled)), [])
      const events = yield* eventsOf(edit({ models: {} }))
      assert.deepStrictEqual(events[1], [
        "model.changed",
        { alias: "x", provider: "first", upstream: "1", enabled: true, changed: ["provider", "upstream"] },
      ])
      assert.strictEqual(events.length, 2)
    }).pipe(Effect.provide(host())),
  )

  it.effect("lets the document disable a registered model", () =>
    Effect.gen(function* () {
      yield* open("plugin", { x: { upstream: "ux" } })
      yield* edit({ models: { x: { upstream: "ux", provider: "plugin", enabled: false } } })
      assert.strictEqual(yield* resolved("x"), "ModelDisabled")
    }).pipe(Effect.provide(host())),
  )

  it.effect("replaces a registration of the same name in its position, with events for the differences only", () =>
    Effect.gen(function* () {
      const first = yield* open("plugin", { x: { upstream: "1" }, y: { upstream: "1" } })
      yield* open("later", { z: { upstream: "3" } })
      let second: Scope.Closeable | undefined
      const replaced = yield* eventsOf(
        Effect.gen(function* () {
          second = yield* open("plugin", { x: { upstream: "1" }, z: { upstream: "2" } })
          yield* close(first)
          yield* settled
        }),
      )
      assert.deepStrictEqual(replaced, [
        ["model.removed", { alias: "y", provider: "plugin", upstream: "1", enabled: true }],
      ])
      assert.deepStrictEqual(yield* table, { x: "1@plugin", z: "3@later" })
      yield* close(second!)
      yield* settled
      assert.deepStrictEqual(yield* table, { z: "3@later" })
    }).pipe(Effect.provide(host())),
  )

  it.effect("restores the older registration of a name when the newer one closes", () =>
    Effect.gen(function* () {
      yield* open("plugin", { x: { upstream: "1" } })
      const newer = yield* open("plugin", { y: { upstream: "2" } })
      assert.deepStrictEqual(yield* table, { y: "2@plugin" })
      yield* close(newer)
      yield* settled
      assert.deepStrictEqual(yield* table, { x: "1@plugin" })
    }).pipe(Effect.provide(host())),
  )

  it.effect("does not register for an interrupted caller, although its Scope lives on", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const gate = yield* Deferred.make<void>()
      const busy = yield* Effect.forkChild(
        reconciler.run(() => Deferred.await(gate)),
        { startImmediately: true },
      )
      const scope = yield* Scope.make()
      const waiting = yield* Effect.forkChild(Scope.provide(register("plugin", { x: { upstream: "ux" } }), scope), {
        startImmediately: true,
      })
      yield* Fiber.interrupt(waiting)
      const events = yield* eventsOf(
        Effect.gen(function* () {
          yield* Deferred.succeed(gate, undefined)
          yield* Fiber.join(busy)
          yield* settled
        }),
      )
      assert.deepStrictEqual(events, [])
      assert.deepStrictEqual(yield* table, {})
    }).pipe(Effect.provide(host())),
  )

  it.effect("closes a Scope that outlives the host of its registration", () =>
    Effect.gen(function* () {
      const scope = yield* open("plugin", { a: { upstream: "ua" } }).pipe(Effect.provide(host()))
      yield* close(scope)
    }),
  )

  it.effect("removes registrations that close together in one change", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const scopes = yield* Effect.forEach(
        Array.from({ length: 200 }, (_, index) => index),
        (index) => open(`plugin-${index}`, { [`x${index}`]: { upstream: "u" } }),
      )
      const before = (yield* reconciler.current).number
      yield* Effect.forEach(scopes, close, { concurrency: "unbounded" })
      yield* settled
      assert.deepStrictEqual(yield* table, {})
      assert.strictEqual((yield* reconciler.current).number, before + 1)
    }).pipe(Effect.provide(host())),
  )

  const reasonOf = (refused: ModelRegistryError) => refused.reason

  it.effect("refuses registrations and models beyond the limits, until others close", () =>
    Effect.gen(function* () {
      const first = yield* open("a", { x: { upstream: "u" }, y: { upstream: "u" } })
      const refused = yield* Effect.flip(open("b", { z: { upstream: "u" }, w: { upstream: "u" } }))
      assert.deepInclude(reasonOf(refused), { _tag: "RegistryFull", of: "models", limit: 3 })
      assert.include(refused.message, "RegistrationLimits")
      yield* open("b", { z: { upstream: "u" } })
      const third = yield* Effect.flip(open("c", {}))
      assert.deepInclude(reasonOf(third), { _tag: "RegistryFull", of: "registrations", limit: 2 })
      yield* close(first)
      yield* settled
      yield* open("c", { x: { upstream: "u" }, y: { upstream: "u" } })
      assert.deepStrictEqual(Object.keys(yield* table), ["z", "x", "y"])
    }).pipe(
      Effect.provide(host().pipe(Layer.provide(Layer.succeed(RegistrationLimits)({ registrations: 2, models: 3 })))),
    ),
  )

  it.effect("refuses names, aliases and fields that are invalid in a document", () =>
    Effect.gen(function* () {
      const refuse = (name: string, models: ModelInputs) => Effect.map(Effect.flip(open(name, models)), reasonOf)
      for (const [name, models] of [
        ["", { x: { upstream: "u" } }],
        ["p", { " x": { upstream: "u" } }],
        ["p", { x: { upstream: "" } }],
        ["p", { x: { upstream: "u", provider: "\n" } }],
        ["x".repeat(10_000), { x: { upstream: "u" } }],
      ] as const) {
        assert.strictEqual((yield* refuse(name, models))._tag, "InvalidRegistration")
      }
      const { message } = yield* Effect.flip(open("p", { " x": { upstream: "u" } }))
      assert.include(message, 'the models of "p" are not registered: must have 1 to 200 visible characters')
      assert.isBelow((yield* Effect.flip(open("p".repeat(10_000), {}))).message.length, 800)
      assert.deepStrictEqual(yield* table, {})
    }).pipe(Effect.provide(host())),
  )
})

it.effect("adds and removes 10,000 registered models in one commit each", () =>
  Effect.gen(function* () {
    const reconciler = yield* Reconciler
    const models = Object.fromEntries(
      Array.from({ length: 10_000 }, (_, index) => [`model-${index}`, { upstream: `upstream-${index}` }]),
    )
    const before = (yield* reconciler.current).number
    const plugin = yield* open("plugin", models)
    assert.strictEqual(yield* resolved("model-9999"), "upstream-9999")
    yield* close(plugin)
    yield* settled
    assert.strictEqual(yield* resolved("model-9999"), "UnknownModel")
    assert.strictEqual((yield* reconciler.current).number, before + 2)
  }).pipe(Effect.provide(host())),
)
