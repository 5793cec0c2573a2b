import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { PrepareDeadline, Reconciler } from "@signalbox/core/Reconciler"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import { Cause, Context, Effect, Exit, Fiber, Latch, Layer, Logger, Redacted, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import {
  A,
  B,
  BuildControl,
  C,
  Diamond,
  diamond,
  kernel,
  logged,
  names,
  put,
  settings,
  settle,
} from "./ServiceGraph.fixtures.ts"
import { handler, ModelSettings, ProviderSettings, Services } from "./types/app.ts"

describe("ServiceGraph", () => {
  it.effect("provides services built from the settings, and new ones after a commit", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* Services.provide(handler), "small@http://a")
      yield* put([ModelSettings, { fast: "big" }])
      assert.strictEqual(yield* Services.provide(handler), "big@http://a")
    }).pipe(
      Effect.provide(
        Services.layer.pipe(
          Layer.provideMerge(
            Layer.mergeAll(
              Setting.layerFrom(ProviderSettings, { a: { url: "http://a" } }),
              Setting.layerFrom(ModelSettings, { fast: "small" }),
            ),
          ),
          Layer.provideMerge(kernel),
        ),
      ),
    ),
  )

  it.effect("accepts constant settings, and fails with the error of a failing layer", () =>
    Effect.gen(function* () {
      const live = (providers: (typeof ProviderSettings.schema)["Type"]) =>
        Services.layer.pipe(
          Layer.provide(Layer.merge(ProviderSettings.layer(providers), ModelSettings.layer({ fast: "small" }))),
          Layer.provide(kernel),
        )
      const answer = Effect.provide(Services.provide(handler), live({ a: { url: "http://a" } }))
      assert.strictEqual(yield* answer, "small@http://a")
      const failure: "no provider" = yield* Effect.flip(Layer.build(live({})))
      assert.strictEqual(failure, "no provider")
    }).pipe(Effect.scoped),
  )

  describe("rebuilding", () => {
    it.effect("rebuilds only what depends on a change, and releases the old in reverse order", () =>
      Effect.gen(function* () {
        yield* logged
        assert.deepStrictEqual(yield* put([B, "b2"]), ["Right", "Top"])
        yield* settle
        assert.deepStrictEqual(yield* logged, [
          "build Right(Base(a1),b2)",
          "build Top(Left(Base(a1)),Right(Base(a1),b2))",
          "close Top(Left(Base(a1)),Right(Base(a1),b1))",
          "close Right(Base(a1),b1)",
        ])
        assert.deepStrictEqual(yield* put([A, "a2"]), ["Base", "Left", "Right", "Top"])
        yield* settle
        const log = yield* logged
        assert.deepStrictEqual(log.slice(-4).toSorted(), [
          "close Base(a1)",
          "close Left(Base(a1))",
          "close Right(Base(a1),b2)",
          "close Top(Left(Base(a1)),Right(Base(a1),b2))",
        ])
        assert.strictEqual(log.at(-1), "close Base(a1)")
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a2)),Right(Base(a2),b2))", "Aside(c1)"])
      }).pipe(Effect.provide(diamond)),
    )

    it.effect("rebuilds nothing for an equal value or for a setting that no node needs", () =>
      Effect.gen(function* () {
        yield* logged
        const same = { an: "object" }
        assert.deepStrictEqual(yield* put([C, same]), ["Aside"])
        assert.deepStrictEqual(yield* put([C, same], [A, "a1"], [{ key: "other" }, 1]), [])
        // An equal object is another value: the owner of the setting decides what is the same.
        assert.deepStrictEqual(yield* put([C, { an: "object" }]), ["Aside"])
        assert.strictEqual((yield* Diamond.status).generations[0]?.number, 6)
      }).pipe(Effect.provide(diamond)),
    )

    it.effect("builds independent services in parallel", () =>
      Effect.gen(function* () {
        const control = yield* BuildControl
        const latches = ["Left(Base(a2))", "Right(Base(a2),b1)", "Aside(c2)"].map(
          (name) => [name, Latch.makeUnsafe()] as const,
        )
        for (const [name, latch] of latches) control.hold.set(name, latch)
        yield* logged
        const change = yield* Effect.forkChild(put([A, "a2"], [C, "c2"]))
        yield* settle
        const begun = yield* logged
        assert.deepStrictEqual(begun.toSorted(), [
          "build Aside(c2)",
          "build Base(a2)",
          "build Left(Base(a2))",
          "build Right(Base(a2),b1)",
        ])
        for (const [, latch] of latches) yield* latch.open
        yield* Fiber.join(change)
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a2)),Right(Base(a2),b1))", "Aside(c2)"])
      }).pipe(Effect.provide(diamond)),
    )

    it.effect("serves the complete old generation until the new one is built", () =>
      Effect.gen(function* () {
        const control = yield* BuildControl
        const latch = yield* Latch.make()
        control.hold.set("Aside(c2)", latch)
        const change = yield* Effect.forkChild(put([A, "a2"], [C, "c2"]))
        yield* settle
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a1)),Right(Base(a1),b1))", "Aside(c1)"])
        assert.isFalse((yield* logged).some((line) => line.startsWith("close")))
        yield* latch.open
        yield* Fiber.join(change)
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a2)),Right(Base(a2),b1))", "Aside(c2)"])
      }).pipe(Effect.provide(diamond)),
    )

    it.effect("publishes service.rebuilt and service.released after the events of the change", () =>
      Effect.gen(function* () {
        const bus = yield* EventBus
        const events = yield* bus.subscribe({ types: ["service.rebuilt", "service.released"] })
        const before = (yield* Diamond.status).generations[0]?.number ?? 0
        yield* put([C, "c2"])
        const seen = yield* Stream.runCollect(Stream.take(events, 2))
        assert.deepStrictEqual(
          seen.map((item) => (item._tag === "Envelope" ? { ...item.event } : item)) as ReadonlyArray<unknown>,
          [
            { _tag: "service.rebuilt", service: "Aside", revision: 0, generation: before + 1, durationMillis: 0 },
            { _tag: "service.released", service: "Aside", generation: before, drainedMillis: 0, forced: false },
          ],
        )
      }).pipe(Effect.scoped, Effect.provide(diamond)),
    )

    it.effect("logs a failing finalizer and runs all others", () =>
      Effect.gen(function* () {
        const [bus, control] = [yield* EventBus, yield* BuildControl]
        const events = yield* bus.subscribe({ types: ["service.released"] })
        control.badFinalizer.add("Top(Left(Base(a1)),Right(Base(a1),b1))")
        yield* logged
        yield* put([A, "a2"])
        const released = yield* Stream.runCollect(Stream.take(events, 4))
        assert.deepStrictEqual(
          released.map((item) => (item._tag === "Envelope" && "service" in item.event ? item.event.service : item)),
          ["Top", "Right", "Left", "Base"],
        )
        assert.strictEqual((yield* logged).filter((line) => line.startsWith("close")).length, 4)
        yield* put([A, "a3"])
      }).pipe(Effect.scoped, Effect.provide(diamond)),
    )

    it.effect("logs a failing finalizer without the secrets of its service", () => {
      const said: Array<string> = []
      const logger = Logger.layer([Logger.make(({ cause, message }) => said.push(`${message} ${Cause.pretty(cause)}`))])
      class Client extends Context.Service<Client, string>()("Client") {}
      class Caller extends Context.Service<Caller, string>()("Caller") {}
      const closing = (name: string, key: string) =>
        Effect.addFinalizer(() => Effect.die(new Error(`${name} was closed with ${key}`)))
      class Calls extends ServiceGraph.Service<Calls>()("Calls", {
        nodes: [
          ServiceGraph.node(Client, {
            needs: [A],
            layer: Layer.effect(
              Client,
              Effect.flatMap(A.get, (key) => {
                const secret = String(Redacted.isRedacted(key) ? Redacted.value(key) : key)
                return Effect.as(closing("Client", secret), secret)
              }),
            ),
          }),
          ServiceGraph.node(Caller, {
            needs: [Client],
            layer: Layer.effect(
              Caller,
              Effect.flatMap(Client, (secret) => Effect.as(closing("Caller", secret), "caller")),
            ),
          }),
        ],
      }) {}
      return Effect.gen(function* () {
        yield* put([A, Redacted.make("s3cr3t-key")])
        yield* Layer.build(Calls.layer)
        yield* put([A, "none"])
        yield* settle
        assert.deepStrictEqual(said, [
          "A finalizer of Caller has failed: Caller was closed with <redacted> ",
          "A finalizer of Client has failed: Client was closed with <redacted> ",
        ])
      }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(settings, kernel).pipe(Layer.provideMerge(logger))))
    })

    it.effect("keeps one generation and five instances after 10,000 commits", () =>
      Effect.gen(function* () {
        const engine = (yield* Diamond)["~signalbox/ServiceGraph"]
        for (let index = 0; index < 10_000; index++) {
          yield* put([index % 2 === 0 ? C : { key: "other" }, index])
        }
        yield* settle
        assert.strictEqual(yield* engine.size, 5)
        assert.strictEqual((yield* Diamond.status).generations.length, 1)
        const log = yield* logged
        assert.strictEqual(log.filter((line) => line.startsWith("build")).length, 5 + 5000)
        assert.strictEqual(log.filter((line) => line.startsWith("close")).length, 5000)
      }).pipe(Effect.provide(diamond)),
    )
  })

  describe("a change that cannot be built", () => {
    it.effect("changes nothing when nodes refuse, names each with its reason, and releases what was built", () =>
      Effect.gen(function* () {
        const control = yield* BuildControl
        const current = yield* Effect.flatMap(Reconciler, (reconciler) => reconciler.current)
        control.refuse.set("Right(Base(a2),b2)", new Error("no right"))
        control.refuse.set("Aside(c2)", "no aside")
        yield* logged
        const failed = yield* Effect.flip(put([A, "a2"], [B, "b2"], [C, "c2"]))
        assert.deepStrictEqual(
          failed.failures.toSorted((left, right) => (left.node < right.node ? -1 : 1)),
          [
            { node: "Aside", message: "no aside" },
            { node: "Right", message: "no right" },
          ],
        )
        const log = yield* logged
        assert.deepStrictEqual(
          log
            .filter((line) => line.startsWith("build"))
            .map((line) => line.slice(6))
            .toSorted(),
          log
            .filter((line) => line.startsWith("close"))
            .map((line) => line.slice(6))
            .toSorted(),
        )
        assert.include(log, "close Left(Base(a2))")
        assert.strictEqual(yield* Effect.flatMap(Reconciler, (reconciler) => reconciler.current), current)
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a1)),Right(Base(a1),b1))", "Aside(c1)"])
        assert.strictEqual(yield* (yield* Diamond)["~signalbox/ServiceGraph"].size, 5)
        // The reason is gone: the same change succeeds.
        control.refuse.clear()
        assert.strictEqual((yield* put([A, "a2"], [B, "b2"], [C, "c2"])).length, 5)
      }).pipe(Effect.provide(diamond)),
    )

    it.effect("refuses a change for a defect in a layer as for a failure", () =>
      Effect.gen(function* () {
        const failed = yield* Effect.flip(put([A, Symbol("has no string")]))
        assert.deepStrictEqual(
          failed.failures.map(({ node }) => node),
          ["Base"],
        )
      }).pipe(Effect.provide(diamond)),
    )

    it.effect("refuses a change when a node misses the deadline, even if it cannot be interrupted", () =>
      Effect.gen(function* () {
        const control = yield* BuildControl
        control.hold.set("Base(a2)", Latch.makeUnsafe())
        control.refuse.set("Aside(c2)", "no aside")
        const change = yield* Effect.forkChild(Effect.flip(put([A, "a2"], [C, "c2"])))
        yield* settle
        yield* TestClock.adjust("9 seconds")
        assert.isUndefined(change.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const failed = yield* Fiber.join(change)
        assert.deepStrictEqual(failed.failures, [
          { node: "Aside", message: "no aside" },
          { node: "Base", message: "was not ready within 10s" },
        ])
        assert.strictEqual((yield* names)[1], "Aside(c1)")
        assert.deepStrictEqual(yield* put([C, "c3"]), ["Aside"])
      }).pipe(Effect.provide(diamond.pipe(Layer.provide(Layer.succeed(PrepareDeadline)("10 seconds"))))),
    )

    class Stubborn extends Context.Service<Stubborn, unknown>()("Stubborn") {}
    const end = Latch.makeUnsafe()
    class Hanging extends ServiceGraph.Service<Hanging>()("Hanging", {
      nodes: [
        ServiceGraph.node(Stubborn, {
          needs: [A],
          layer: Layer.effect(
            Stubborn,
            Effect.flatMap(A.get, (a) => (a === "hang" ? Effect.uninterruptible(end.await) : Effect.succeed(a))),
          ),
        }),
      ],
    }) {}
    it.effect("delays the queue only until the deadline when a layer hangs uninterruptibly", () =>
      Effect.gen(function* () {
        const change = yield* Effect.forkChild(Effect.flip(put([A, "hang"])))
        yield* settle
        yield* TestClock.adjust("30 seconds")
        yield* TestClock.adjust("1 second")
        assert.include((yield* Fiber.join(change)).message, "Stubborn: was not ready within 30s")
        yield* put([A, "again"])
        assert.strictEqual(yield* Hanging.provide(Stubborn), "again")
      }).pipe(
        Effect.ensuring(end.open),
        Effect.provide(Hanging.layer.pipe(Layer.provideMerge(settings), Layer.provideMerge(kernel))),
      ),
    )

    it.effect("keeps secrets of settings out of the reason, in any spelling", () =>
      Effect.gen(function* () {
        const control = yield* BuildControl
        const secret = 'sk-top secret/"quoted"'
        const value = {
          deep: [{ key: Redacted.make(secret) }],
          other: new Map([["x", Redacted.make({ token: "token-22" })]]),
        }
        const spellings = [secret, JSON.stringify(secret), encodeURIComponent(secret), btoa(secret), "token-22"]
        control.refuse.set(`Aside(${value})`, new Error(`401 for ${spellings.join(" and ")}${"x".repeat(1000)}`))
        const failed = yield* Effect.flip(put([C, value]))
        const [failure] = failed.failures
        assert.strictEqual(
          failure?.message.slice(0, 101),
          '401 for <redacted> and "<redacted>" and <redacted> and <redacted> and <redacted>xxxxxxxxxxxxxxxxxxxxx'.slice(
            0,
            101,
          ),
        )
        assert.isAtMost(failure?.message.length ?? 0, 500)
      }).pipe(Effect.provide(diamond)),
    )
  })

  describe("registrations from within a node's layer", () => {
    class Registered extends Setting.Service<Registered>()("Registered", Schema.Array(Schema.String)) {}
    class Plugin extends Context.Service<Plugin, string>()("Plugin") {
      static readonly layer = Layer.effect(
        Plugin,
        Effect.gen(function* () {
          const name = String(yield* A.get)
          const reconciler = yield* Reconciler
          const change = (edit: (names: ReadonlyArray<string>) => ReadonlyArray<string>) =>
            Effect.flatMap(reconciler.inChange, (inside) => {
              const run = Effect.asVoid(
                Effect.suspend(() =>
                  (inside ? reconciler.runLater : reconciler.run)((transaction) =>
                    Effect.flatMap(
                      transaction.prepare(
                        new Map([
                          [
                            Registered.key,
                            edit(transaction.current.values.get(Registered.key) as ReadonlyArray<string>),
                          ],
                        ]),
                      ),
                      (prepared) => prepared.commit([]),
                    ).pipe(Effect.orDie),
                  ),
                ),
              )
              return Effect.orDie(run)
            })
          yield* Effect.acquireRelease(
            change((names) => [...names, name]),
            () => change((names) => names.filter((other) => other !== name)),
          )
          return name
        }),
      )
    }
    class Table extends Context.Service<Table, ReadonlyArray<string>>()("Table") {
      static readonly layer = Layer.effect(Table, Registered.get)
    }
    class Plugged extends ServiceGraph.Service<Plugged>()("Plugged", {
      nodes: [
        ServiceGraph.node(Plugin, { needs: [A], layer: Plugin.layer }),
        ServiceGraph.node(Table, { needs: [Registered], layer: Table.layer }),
      ],
    }) {}
    const live = Plugged.layer.pipe(
      Layer.provideMerge(Layer.merge(settings, Setting.layerFrom(Registered, []))),
      Layer.provideMerge(kernel),
    )

    it.effect(
      "has the registrations of a layer when the graph first serves, and removes them with their instance",
      () =>
        Effect.gen(function* () {
          const reconciler = yield* Reconciler
          const table = Plugged.provide(Effect.map(Table, (names) => [...names]))
          assert.deepStrictEqual(yield* table, ["a1"])
          yield* put([A, "a2"])
          yield* settle
          yield* reconciler.run(() => Effect.void)
          yield* settle
          yield* reconciler.run(() => Effect.void)
          assert.deepStrictEqual(yield* table, ["a2"])
        }).pipe(Effect.provide(live)),
    )
  })

  it.effect("lets a node need a whole store, and services that never change", () =>
    Effect.gen(function* () {
      class Store extends Context.Service<Store, { readonly title: Effect.Effect<string> }>()("Store") {}
      class Greeting extends Context.Service<Greeting, { readonly word: string }>()("Greeting") {}
      class Page extends Context.Service<Page, string>()("Page") {}
      class Site extends ServiceGraph.Service<Site>()("Site", {
        nodes: [
          ServiceGraph.node(Page, {
            needs: [Store, Greeting],
            layer: Layer.effect(
              Page,
              Effect.gen(function* () {
                const [store, greeting] = [yield* Store, yield* Greeting]
                return `${greeting.word} ${yield* store.title}`
              }),
            ),
          }),
        ],
      }) {}
      const reconciler = yield* Reconciler
      yield* put([Store, "one"])
      const live = yield* Layer.build(
        Site.layer.pipe(
          Layer.provide(Layer.succeed(Store)({ title: reconciler.read(Store.key) })),
          Layer.provide(Layer.succeed(Greeting)({ word: "hello" })),
        ),
      )
      const page = Effect.provide(Site.provide(Page), live)
      assert.strictEqual(yield* page, "hello one")
      assert.deepStrictEqual(yield* put([Store, "two"]), ["Page"])
      assert.deepStrictEqual(yield* put([A, "another"]), [])
      assert.strictEqual(yield* page, "hello two")
    }).pipe(Effect.scoped, Effect.provide(kernel)),
  )

  describe("status", () => {
    it.effect("shows each service with its needs and its generation in the status", () =>
      Effect.gen(function* () {
        yield* put([C, "c2"])
        const { generations, services } = yield* Diamond.status
        assert.deepStrictEqual(services.at(-1), {
          name: "Aside",
          needs: ["C"],
          state: "ready",
          generation: 4,
          buildMillis: 0,
        })
        assert.strictEqual(services[0]?.generation, 3)
        assert.deepStrictEqual(generations, [{ number: 4, revision: 0, pins: 0, ageMillis: 0 }])
      }).pipe(Effect.provide(diamond)),
    )
  })

  it.effect("releases everything when its Scope closes, and interrupts later callers", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(diamond, scope)
      yield* Effect.provide(logged, context)
      yield* Scope.close(scope, Exit.void)
      const log = yield* Effect.provide(logged, context)
      assert.strictEqual(log.length, 5)
      assert.isTrue(log.every((line) => line.startsWith("close")))
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(Effect.provide(names, context))))
    }),
  )

  it.effect("releases everything after an interrupted first build", () =>
    Effect.gen(function* () {
      const control = yield* BuildControl
      control.hold.set("Top(Left(Base(a1)),Right(Base(a1),b1))", Latch.makeUnsafe())
      const building = yield* Effect.forkChild(
        Effect.scoped(
          Layer.build(Layer.provide(Diamond.layer, Layer.merge(settings, kernel).pipe(Layer.provideMerge(kernel)))),
        ),
      )
      yield* settle
      yield* Fiber.interrupt(building)
      const log = yield* logged
      assert.strictEqual(log.filter((line) => line.startsWith("build")).length, 5)
      assert.strictEqual(log.filter((line) => line.startsWith("close")).length, 5)
    }).pipe(Effect.provide(BuildControl.layer)),
  )
})
