import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Effect, Exit, Fiber, Latch, Layer, Redacted, Result, Scheduler, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { A, BuildControl, C, Diamond, kernel, logged, names, put, settings, settle } from "./ServiceGraph.fixtures.ts"

class Client extends Context.Service<Client, {}>()("Client") {}

const states = Effect.map(Diamond.status, ({ services }) =>
  Object.fromEntries(services.map(({ name, state }) => [name, state])),
)

/** A graph that starts in the background, after the test has set its behaviour. */
const started = (prepare: (control: BuildControl["Service"]) => void) =>
  Effect.gen(function* () {
    const base = yield* Layer.build(Layer.merge(kernel, BuildControl.layer))
    prepare(yield* Effect.provide(BuildControl, base))
    return yield* ServiceGraph.layerBackground(Diamond).pipe(
      Layer.provideMerge(settings),
      Layer.provideMerge(Layer.succeedContext(base)),
      Layer.build,
    )
  })

describe("layerBackground", () => {
  it.effect("starts in the background, with services starting, then ready, and pins that wait", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const context = yield* started((control) => control.hold.set("Right(Base(a1),b1)", latch))
      yield* Effect.gen(function* () {
        assert.isTrue(Object.values(yield* states).every((state) => state === "starting"))
        yield* settle
        assert.deepStrictEqual(yield* states, {
          Base: "ready",
          Left: "ready",
          Right: "starting",
          Top: "starting",
          Aside: "ready",
        })
        assert.deepStrictEqual((yield* Diamond.status).generations, [])
        const scoped = Effect.scoped(Effect.flatMap(Diamond.pin, (context) => Effect.provide(A.get, context)))
        const stream = Stream.runCollect(ServiceGraph.provideStream(Diamond, Stream.fromEffect(A.get)))
        const waiting = [
          yield* Effect.forkChild(names),
          yield* Effect.forkChild(scoped),
          yield* Effect.forkChild(stream),
        ]
        yield* settle
        assert.isTrue(waiting.every((fiber) => fiber.pollUnsafe() === undefined))
        yield* latch.open
        const answers: ReadonlyArray<unknown> = yield* Effect.forEach(waiting, (fiber) =>
          Fiber.join<unknown, never>(fiber),
        )
        assert.deepStrictEqual(answers, [["Top(Left(Base(a1)),Right(Base(a1),b1))", "Aside(c1)"], "a1", ["a1"]])
        assert.isTrue(Object.values(yield* states).every((state) => state === "ready"))
      }).pipe(Effect.provide(context))
    }).pipe(Effect.scoped),
  )

  it.effect("allows changes while it starts, and serves the newest values first", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const context = yield* started((control) => control.hold.set("Right(Base(a1),b1)", latch))
      yield* Effect.gen(function* () {
        yield* settle
        assert.deepStrictEqual(yield* put([C, "c2"]), [])
        yield* latch.open
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a1)),Right(Base(a1),b1))", "Aside(c2)"])
        yield* settle
        const log = yield* logged
        // The instances that were already built are used.
        assert.deepStrictEqual(log.filter((line) => line.includes("Base")).length, 4)
        assert.include(log, "close Aside(c1)")
        assert.deepStrictEqual(yield* put([C, "c3"]), ["Aside"])
      }).pipe(Effect.provide(context))
    }).pipe(Effect.scoped),
  )

  it.effect("publishes a failed start, refuses no change, and tries again after each commit", () =>
    Effect.gen(function* () {
      const base = yield* Layer.build(Layer.merge(kernel, BuildControl.layer))
      yield* Effect.gen(function* () {
        const [bus, control] = [yield* EventBus, yield* BuildControl]
        const failures = yield* bus.subscribe({ types: ["service.failed"] })
        const nextFailure = Effect.map(Stream.runCollect(Stream.take(failures, 1)), ([item]) =>
          item?._tag === "Envelope" ? { ...item.event } : item,
        ) as Effect.Effect<unknown>
        control.refuse.set("Left(Base(a1))", new Error("no left"))
        const graph = yield* Layer.build(Layer.provideMerge(ServiceGraph.layerBackground(Diamond), settings))
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* nextFailure, { _tag: "service.failed", service: "Left", reason: "no left" })
          assert.deepStrictEqual((yield* states)["Left"], "failed")
          const waiting = yield* Effect.forkChild(names)
          yield* settle
          assert.strictEqual(waiting.pollUnsafe(), undefined)
          control.refuse.set("Left(Base(a2))", new Error("still no left"))
          yield* put([A, "a2"])
          assert.deepStrictEqual(yield* nextFailure, {
            _tag: "service.failed",
            service: "Left",
            reason: "still no left",
          })
          yield* put([A, "a3"])
          assert.deepStrictEqual(yield* Fiber.join(waiting), ["Top(Left(Base(a3)),Right(Base(a3),b1))", "Aside(c1)"])
          // From its first generation on it refuses changes that it cannot build.
          yield* Effect.flip(put([A, "a1"]))
          const log = yield* logged
          const count = (what: string) => log.filter((line) => line.startsWith(what)).length
          assert.strictEqual(count("build") - count("close"), 5)
        }).pipe(Effect.provide(graph))
      }).pipe(Effect.provide(base))
    }).pipe(Effect.scoped),
  )

  it.effect("keeps secrets that changed during the start out of the reason", () =>
    Effect.gen(function* () {
      const base = yield* Layer.build(Layer.provideMerge(settings, kernel))
      yield* Effect.gen(function* () {
        const failures = yield* (yield* EventBus).subscribe({ types: ["service.failed"] })
        const [gate, started] = [yield* Latch.make(), yield* Latch.make()]
        const layer = Layer.effect(
          Client,
          Effect.gen(function* () {
            const key: unknown = yield* A.get
            if (Redacted.isRedacted(key)) return yield* Effect.die(new Error(`401 for ${Redacted.value(key)}`))
            yield* Effect.andThen(started.open, gate.await)
            return {}
          }),
        )
        class Clients extends ServiceGraph.Service<Clients>()("Clients", {
          nodes: [ServiceGraph.node(Client, { needs: [A], layer })],
        }) {}
        yield* Layer.build(ServiceGraph.layerBackground(Clients))
        yield* started.await
        yield* put([A, Redacted.make("new-key-87654321")])
        yield* gate.open
        const [item] = yield* Stream.runCollect(Stream.take(failures, 1))
        assert.include(JSON.stringify(item), "401 for <redacted>")
      }).pipe(Effect.provide(base))
    }).pipe(Effect.scoped),
  )

  it.effect("tries a failing start again without a change, and publishes the failure once", () =>
    Effect.gen(function* () {
      const base = yield* Layer.build(Layer.merge(kernel, BuildControl.layer))
      yield* Effect.gen(function* () {
        const [bus, control] = [yield* EventBus, yield* BuildControl]
        const said: Array<string> = []
        const failures = yield* bus.subscribe({ types: ["service.failed"] })
        yield* Effect.forkScoped(
          Stream.runForEach(failures, (item) => Effect.sync(() => said.push(JSON.stringify(item)))),
        )
        control.refuse.set("Left(Base(a1))", new Error("no network"))
        const scope = yield* Scope.make()
        const graph = yield* Layer.buildWithScope(
          Layer.provideMerge(ServiceGraph.layerBackground(Diamond), settings),
          scope,
        )
        const attempts = Effect.map(
          BuildControl,
          ({ log }) => log.filter((line) => line === "build Left(Base(a1))").length,
        )
        yield* settle
        assert.strictEqual(yield* attempts, 1)
        yield* TestClock.adjust("30 seconds")
        yield* settle
        assert.strictEqual(yield* attempts, 2)
        assert.strictEqual(said.length, 1)
        control.refuse.clear()
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* Effect.provide(names, graph))[1], "Aside(c1)")
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(base))
    }).pipe(Effect.scoped),
  )

  it.effect("ends at once when it is closed between two attempts", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(
        started((control) => control.refuse.set("Left(Base(a1))", new Error("no left"))),
        scope,
      )
      yield* settle
      yield* Effect.provide(logged, context)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Effect.provide(logged, context), [])
    }),
  )

  it.effect("fails a hanging start at the deadline", () =>
    Effect.gen(function* () {
      const context = yield* started((control) => control.hold.set("Base(a1)", Latch.makeUnsafe()))
      yield* Effect.gen(function* () {
        yield* settle
        yield* TestClock.adjust("30 seconds")
        yield* settle
        assert.deepStrictEqual(yield* states, {
          Base: "failed",
          Left: "starting",
          Right: "starting",
          Top: "starting",
          Aside: "ready",
        })
        yield* put([A, "a2"])
        assert.deepStrictEqual((yield* names)[1], "Aside(c1)")
      }).pipe(Effect.provide(context))
    }).pipe(Effect.scoped),
  )

  it.effect("releases everything and interrupts waiting pins when it is closed during its start", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(
        started((control) => control.hold.set("Base(a1)", Latch.makeUnsafe())),
        scope,
      )
      const waiting = yield* Effect.forkChild(Effect.provide(names, context))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(waiting)))
      const log = yield* Effect.provide(logged, context)
      assert.deepStrictEqual(log.toSorted(), ["build Aside(c1)", "build Base(a1)", "close Aside(c1)", "close Base(a1)"])
    }),
  )

  it.effect("takes no part in later changes when it is closed at any moment of its start", () =>
    Effect.gen(function* () {
      for (let operations = 3; operations <= 20; operations++) {
        const yielding = Layer.succeed(Scheduler.MaxOpsBeforeYield, operations)
        const host = Layer.fresh(Layer.merge(Layer.provideMerge(settings, kernel), BuildControl.layer))
        for (let turns = 0; turns <= 20; turns++) {
          yield* Effect.gen(function* () {
            const base = yield* Layer.build(Layer.provide(host, yielding))
            const scope = yield* Scope.make()
            yield* Layer.buildWithScope(ServiceGraph.layerBackground(Diamond), scope).pipe(
              Effect.provide(base),
              Effect.forkChild,
            )
            for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
            yield* Scope.close(scope, Exit.void)
            const rebuilt = yield* Effect.result(Effect.provide(put([A, "a2"]), base))
            assert.deepStrictEqual(rebuilt, Result.succeed([]), `${operations} operations, ${turns} turns`)
          }).pipe(Effect.scoped)
        }
      }
    }),
  )
})
