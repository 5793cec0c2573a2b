import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Effect, Exit, Fiber, Latch, Layer, Redacted, Result, Scheduler, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { A, C, Diamond, kernel, logged, names, put, settings, settle, Yard } from "./ServiceGraph.fixtures.ts"

class Client extends Context.Service<Client, {}>()("Client") {}

const states = Effect.map(Diamond.status, ({ services }) =>
  Object.fromEntries(services.map(({ name, state }) => [name, state])),
)

/** The graph in the background, with what the yard is told before it starts. */
const started = (prepare: (yard: Yard["Service"]) => void) =>
  Effect.gen(function* () {
    const base = yield* Layer.build(Layer.merge(kernel, Yard.layer))
    prepare(yield* Effect.provide(Yard, base))
    return yield* Diamond.layerBackground.pipe(
      Layer.provideMerge(settings),
      Layer.provideMerge(Layer.succeedContext(base)),
      Layer.build,
    )
  })

describe("layerBackground", () => {
  it.effect("does not wait: services are starting, then ready, and a pin waits until they are", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const context = yield* started((yard) => yard.hold.set("Right(Base(a1),b1)", latch))
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
        const stream = Stream.runCollect(Diamond.provideStream(Stream.fromEffect(A.get)))
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

  it.effect("changes go on while it starts, and the first generation is that of the newest values", () =>
    Effect.gen(function* () {
      const latch = yield* Latch.make()
      const context = yield* started((yard) => yard.hold.set("Right(Base(a1),b1)", latch))
      yield* Effect.gen(function* () {
        yield* settle
        assert.deepStrictEqual(yield* put([C, "c2"]), [])
        yield* latch.open
        assert.deepStrictEqual(yield* names, ["Top(Left(Base(a1)),Right(Base(a1),b1))", "Aside(c2)"])
        yield* settle
        const log = yield* logged
        // What stood already was taken over.
        assert.deepStrictEqual(log.filter((line) => line.includes("Base")).length, 4)
        assert.include(log, "close Aside(c1)")
        assert.deepStrictEqual(yield* put([C, "c3"]), ["Aside"])
      }).pipe(Effect.provide(context))
    }).pipe(Effect.scoped),
  )

  it.effect("one that fails says so, refuses no change, and is tried again after each commit until it serves", () =>
    Effect.gen(function* () {
      const base = yield* Layer.build(Layer.merge(kernel, Yard.layer))
      yield* Effect.gen(function* () {
        const [bus, yard] = [yield* EventBus, yield* Yard]
        const failures = yield* bus.subscribe({ types: ["service.failed"] })
        const nextFailure = Effect.map(Stream.runCollect(Stream.take(failures, 1)), ([item]) =>
          item?._tag === "Envelope" ? { ...item.event } : item,
        ) as Effect.Effect<unknown>
        yard.refuse.set("Left(Base(a1))", new Error("no left"))
        const graph = yield* Layer.build(Layer.provideMerge(Diamond.layerBackground, settings))
        yield* Effect.gen(function* () {
          assert.deepStrictEqual(yield* nextFailure, { _tag: "service.failed", service: "Left", reason: "no left" })
          assert.deepStrictEqual((yield* states)["Left"], "failed")
          const waiting = yield* Effect.forkChild(names)
          yield* settle
          assert.strictEqual(waiting.pollUnsafe(), undefined)
          yard.refuse.set("Left(Base(a2))", new Error("still no left"))
          yield* put([A, "a2"])
          assert.deepStrictEqual(yield* nextFailure, {
            _tag: "service.failed",
            service: "Left",
            reason: "still no left",
          })
          yield* put([A, "a3"])
          assert.deepStrictEqual(yield* Fiber.join(waiting), ["Top(Left(Base(a3)),Right(Base(a3),b1))", "Aside(c1)"])
          // It has served: from now on it refuses what it cannot build.
          yield* Effect.flip(put([A, "a1"]))
          const log = yield* logged
          const count = (what: string) => log.filter((line) => line.startsWith(what)).length
          assert.strictEqual(count("build") - count("close"), 5)
        }).pipe(Effect.provide(graph))
      }).pipe(Effect.provide(base))
    }).pipe(Effect.scoped),
  )

  it.effect("no secret of a value that came while it started is in the reason", () =>
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
        yield* Layer.build(Clients.layerBackground)
        yield* started.await
        yield* put([A, Redacted.make("new-key-87654321")])
        yield* gate.open
        const [item] = yield* Stream.runCollect(Stream.take(failures, 1))
        assert.include(JSON.stringify(item), "401 for <redacted>")
      }).pipe(Effect.provide(base))
    }).pipe(Effect.scoped),
  )

  it.effect("one that fails for a while is tried again without a change, and says so once", () =>
    Effect.gen(function* () {
      const base = yield* Layer.build(Layer.merge(kernel, Yard.layer))
      yield* Effect.gen(function* () {
        const [bus, yard] = [yield* EventBus, yield* Yard]
        const said: Array<string> = []
        const failures = yield* bus.subscribe({ types: ["service.failed"] })
        yield* Effect.forkScoped(
          Stream.runForEach(failures, (item) => Effect.sync(() => said.push(JSON.stringify(item)))),
        )
        yard.refuse.set("Left(Base(a1))", new Error("no network"))
        const scope = yield* Scope.make()
        const graph = yield* Layer.buildWithScope(Layer.provideMerge(Diamond.layerBackground, settings), scope)
        const attempts = Effect.map(Yard, ({ log }) => log.filter((line) => line === "build Left(Base(a1))").length)
        yield* settle
        assert.strictEqual(yield* attempts, 1)
        yield* TestClock.adjust("30 seconds")
        yield* settle
        assert.strictEqual(yield* attempts, 2)
        assert.strictEqual(said.length, 1)
        yard.refuse.clear()
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* Effect.provide(names, graph))[1], "Aside(c1)")
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(base))
    }).pipe(Effect.scoped),
  )

  it.effect("closing it while it waits to try again ends it at once", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(
        started((yard) => yard.refuse.set("Left(Base(a1))", new Error("no left"))),
        scope,
      )
      yield* settle
      yield* Effect.provide(logged, context)
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("1 hour")
      assert.deepStrictEqual(yield* Effect.provide(logged, context), [])
    }),
  )

  it.effect("one that hangs has failed at the deadline", () =>
    Effect.gen(function* () {
      const context = yield* started((yard) => yard.hold.set("Base(a1)", Latch.makeUnsafe()))
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

  it.effect("closing it while it starts leaves nothing behind, and who waits for it is interrupted", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Scope.provide(
        started((yard) => yard.hold.set("Base(a1)", Latch.makeUnsafe())),
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

  it.effect("closing it at any moment of its start leaves nothing that takes part in later changes", () =>
    Effect.gen(function* () {
      for (let operations = 3; operations <= 20; operations++) {
        const yielding = Layer.succeed(Scheduler.MaxOpsBeforeYield, operations)
        const host = Layer.fresh(Layer.merge(Layer.provideMerge(settings, kernel), Yard.layer))
        for (let turns = 0; turns <= 20; turns++) {
          yield* Effect.gen(function* () {
            const base = yield* Layer.build(Layer.provide(host, yielding))
            const scope = yield* Scope.make()
            yield* Layer.buildWithScope(Diamond.layerBackground, scope).pipe(Effect.provide(base), Effect.forkChild)
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
