import { assert, describe, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import * as Setting from "@signalbox/core/Setting"
import {
  Cause,
  Clock,
  Context,
  type Duration,
  Effect,
  Exit,
  Fiber,
  Latch,
  Layer,
  Logger,
  Queue,
  Scheduler,
  Schema,
  Scope,
  Stream,
} from "effect"
import { TestClock } from "effect/testing"
import {
  Aside,
  B,
  BuildControl,
  C,
  Diamond,
  diamond,
  kernel,
  logged,
  put,
  settings,
  settle,
  Top,
} from "./ServiceGraph.fixtures.ts"

const generations = Effect.map(Diamond.status, (status) => status.generations.map(({ number, pins }) => [number, pins]))
const pins = Effect.map(Diamond.status, (status) => status.generations.reduce((sum, { pins }) => sum + pins, 0))
const closed = Effect.map(logged, (log) => log.filter((line) => line.startsWith("close")))

/** A request that records its generation, waits, and records it again. */
const request = (gate: Latch.Latch) =>
  Effect.gen(function* () {
    const [before, top] = [yield* C.get, yield* Top]
    yield* gate.await
    const aside = yield* Aside
    return {
      same: before === (yield* C.get) && aside.name === `Aside(${before})`,
      open: top.isOpen() && aside.isOpen(),
    }
  })

describe("pins", () => {
  it.effect("pins one generation of services and settings until the effect of provide ends", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const old = yield* Effect.forkChild(Diamond.provide(request(gate)))
      yield* settle
      yield* logged
      yield* put([C, "c2"], [B, "b2"])
      const young = yield* Effect.forkChild(Diamond.provide(request(gate)))
      yield* settle
      assert.deepStrictEqual(yield* generations, [
        [4, 1],
        [3, 1],
      ])
      assert.deepStrictEqual(yield* closed, [])
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(old), { same: true, open: true })
      assert.deepStrictEqual(yield* Fiber.join(young), { same: true, open: true })
      yield* settle
      assert.deepStrictEqual(yield* generations, [[4, 0]])
      assert.strictEqual((yield* closed).length, 3)
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("keeps an instance until the last pin of its last generation ends", () =>
    Effect.gen(function* () {
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      const pinned = Context.get(yield* Scope.provide(Diamond.pin, first), Aside)
      yield* put([B, "b2"])
      yield* Scope.provide(Diamond.pin, second)
      yield* put([C, "c2"])
      yield* settle
      yield* logged
      yield* Scope.close(first, Exit.void)
      yield* settle
      assert.isTrue(pinned.isOpen())
      assert.isFalse((yield* closed).includes("close Aside(c1)"))
      yield* Scope.close(second, Exit.void)
      yield* settle
      assert.isFalse(pinned.isOpen())
      assert.deepStrictEqual(yield* closed, ["close Aside(c1)"])
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("pins the generation for child fibers too", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const running = yield* Effect.forkChild(
        Diamond.provide(Effect.all([request(gate), request(gate)], { concurrency: "unbounded" })),
      )
      yield* settle
      yield* put([C, "c2"])
      yield* gate.open
      const whole = { same: true, open: true }
      assert.deepStrictEqual(yield* Fiber.join(running), [whole, whole])
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("keeps the generation of the outer pin in nested pins", () =>
    Effect.gen(function* () {
      const name = Effect.map(Aside, ({ name }) => name)
      const seen = yield* Diamond.provide(
        Effect.gen(function* () {
          const before = yield* name
          yield* put([C, "c2"])
          return [
            before,
            yield* Diamond.provide(name),
            yield* Effect.scoped(Effect.flatMap(Diamond.pin, (context) => Effect.provide(name, context))),
            ...(yield* Stream.runCollect(ServiceGraph.provideStream(Diamond, Stream.fromEffect(name)))),
          ]
        }),
      )
      assert.deepStrictEqual(seen, ["Aside(c1)", "Aside(c1)", "Aside(c1)", "Aside(c1)"])
      assert.strictEqual(yield* Diamond.provide(name), "Aside(c2)")
      assert.strictEqual(yield* pins, 0)
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("shows a detached fiber the current settings after its pin ended, and lets it pin again", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const scope = yield* Effect.scope
      const detached = yield* Diamond.provide(
        gate.await.pipe(
          Effect.andThen(Effect.all([C.get, Diamond.provide(Effect.map(Aside, ({ name }) => name))])),
          Effect.forkIn(scope),
        ),
      )
      yield* put([C, "c2"])
      yield* settle
      assert.deepStrictEqual(yield* generations, [[4, 0]])
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(detached), ["c2", "Aside(c2)"])
    }).pipe(Effect.scoped, Effect.provide(diamond)),
  )

  it.effect("pins two graphs independently within each other", () =>
    Effect.gen(function* () {
      class Other extends ServiceGraph.Service<Other>()("Other", {
        nodes: [ServiceGraph.node(Aside, { needs: [C], layer: Aside.layer })],
      }) {}
      const other = Context.get(yield* Layer.build(Other.layer), Other)
      const seen = yield* Diamond.provide(
        Effect.gen(function* () {
          yield* put([C, "c2"])
          const inner = Other.provide(Diamond.provide(Effect.all([Effect.map(Aside, ({ name }) => name), C.get])))
          return yield* inner
        }),
      ).pipe(Effect.provideService(Other, other))
      assert.deepStrictEqual(seen, ["Aside(c1)", "c1"])
      assert.strictEqual(yield* pins, 0)
    }).pipe(Effect.scoped, Effect.provide(diamond)),
  )

  it.effect("leaves no pin after an interrupt at any moment", () =>
    Effect.gen(function* () {
      const work = Effect.gen(function* () {
        yield* Top
        yield* Effect.yieldNow
        return yield* Aside
      })
      const kinds = {
        effect: Diamond.provide(work),
        nested: Diamond.provide(Effect.andThen(Diamond.provide(work), Diamond.provide(work))),
        scope: Effect.scoped(Effect.flatMap(Diamond.pin, (context) => Effect.provide(work, context))),
        stream: Stream.runDrain(
          ServiceGraph.provideStream(
            Diamond,
            Stream.mapEffect(Stream.make(1, 2), () => work),
          ),
        ),
      }
      let completed = 0
      for (const [kind, effect] of Object.entries(kinds)) {
        for (let operations = 3; operations <= 42; operations++) {
          for (let turns = 0; turns <= 24; turns++) {
            const fiber = yield* effect.pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
              Effect.forkDetach,
            )
            for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
            if (Exit.isSuccess(yield* Fiber.await(fiber))) completed++
            assert.strictEqual(yield* pins, 0, `${kind}, ${operations} operations, ${turns} turns`)
          }
        }
      }
      // Both interrupted and completed runs were among them.
      assert.isAbove(completed, 100)
      assert.isBelow(completed, 4 * 40 * 25 - 100)
    }).pipe(Effect.provide(diamond)),
  )
})

describe("provideStream", () => {
  it.effect("pins one generation from the start of a stream to its end only", () =>
    Effect.gen(function* () {
      const chunks = yield* Queue.unbounded<number>()
      const body = Stream.take(Stream.fromQueue(chunks), 3).pipe(
        Stream.mapEffect(() => Effect.map(Effect.all([Aside, C.get]), ([{ name }, c]) => `${name} ${c}`)),
      )
      const stream = ServiceGraph.provideStream(Diamond, body)
      assert.strictEqual(yield* pins, 0)
      const joined = Stream.concat(stream, Stream.fromEffect(pins))
      const reader = yield* Effect.forkChild(Stream.runCollect(joined))
      for (const chunk of [1, 2, 3]) {
        yield* Queue.offer(chunks, chunk)
        yield* settle
        yield* put([C, `c${chunk + 1}`])
      }
      // The pin ends with its stream, although the outer stream continues.
      assert.deepStrictEqual(yield* Fiber.join(reader), ["Aside(c1) c1", "Aside(c1) c1", "Aside(c1) c1", 0])
      yield* settle
      assert.strictEqual((yield* generations).length, 1)
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("ends the pin of a stream that fails, is read in part, or is interrupted", () =>
    Effect.gen(function* () {
      const failing = ServiceGraph.provideStream(Diamond, Stream.concat(Stream.make(1), Stream.fail("no")))
      assert.strictEqual(yield* Effect.flip(Stream.runDrain(failing)), "no")
      assert.strictEqual(yield* pins, 0)
      const endless = ServiceGraph.provideStream(Diamond, Stream.forever(Stream.make(1)))
      assert.deepStrictEqual(yield* Stream.runCollect(Stream.take(endless, 2)), [1, 1])
      assert.strictEqual(yield* pins, 0)
      let ended = false
      const waiting = Stream.fromEffect(Effect.never).pipe(Stream.ensuring(Effect.sync(() => (ended = true))))
      const reader = yield* Effect.forkChild(Stream.runDrain(ServiceGraph.provideStream(Diamond, waiting)))
      yield* settle
      assert.strictEqual(yield* pins, 1)
      yield* Fiber.interrupt(reader)
      assert.strictEqual(yield* pins, 0)
      assert.isTrue(ended)
    }).pipe(Effect.provide(diamond)),
  )
})

describe("the drain limit", () => {
  const reasonOf = <E>(exit: Exit.Exit<unknown, E>) =>
    Exit.isFailure(exit)
      ? exit.cause.reasons.flatMap((reason) => (Cause.isDieReason(reason) ? [reason.defect] : [reason]))
      : []

  it.effect("ends a waiting stream with DrainLimitReached after the drain limit, and reports the forced release", () =>
    Effect.gen(function* () {
      const bus = yield* EventBus
      const events = yield* bus.subscribe({ types: ["service.released"] })
      const waiting = yield* Effect.forkChild(
        Stream.runDrain(ServiceGraph.provideStream(Diamond, Stream.fromEffect(Effect.never))),
      )
      yield* settle
      yield* put([C, "c2"])
      yield* TestClock.adjust("59 minutes")
      assert.isUndefined(waiting.pollUnsafe())
      assert.strictEqual(yield* pins, 1)
      yield* TestClock.adjust("1 minute")
      const [defect] = reasonOf(yield* Fiber.await(waiting))
      assert.instanceOf(defect, ServiceGraph.DrainLimitReached)
      assert.strictEqual(yield* pins, 0)
      const [released] = yield* Stream.runCollect(Stream.take(events, 1))
      assert.deepInclude(released?._tag === "Envelope" ? released.event : {}, {
        service: "Aside",
        generation: 3,
        drainedMillis: 3_600_000,
        forced: true,
      })
    }).pipe(Effect.scoped, Effect.provide(diamond)),
  )

  it.effect("reports a forced release even if newer generations share all services", () => {
    const said: Array<unknown> = []
    const logger = Logger.layer([Logger.make(({ message }) => said.push(message))])
    return Effect.gen(function* () {
      class Apart extends Setting.Service<Apart>()("Apart", Schema.Int) {}
      yield* Layer.build(Setting.layerFrom(Apart, 1))
      const waiting = yield* Effect.forkChild(
        Stream.runDrain(ServiceGraph.provideStream(Diamond, Stream.fromEffect(Effect.never))),
      )
      yield* settle
      yield* put([Apart, 2])
      yield* TestClock.adjust("1 hour")
      assert.instanceOf(reasonOf(yield* Fiber.await(waiting))[0], ServiceGraph.DrainLimitReached)
      assert.deepStrictEqual(yield* closed, [])
      assert.deepStrictEqual(said, [["Generation 4 of Diamond was released by force: 1 request still held it"]])
    }).pipe(Effect.scoped, Effect.provide(Layer.provideMerge(diamond, logger)))
  })

  it.effect("ends a stream at its next pull after the drain limit", () =>
    Effect.gen(function* () {
      const [gate, seen] = [yield* Latch.make(), [] as number[]]
      const reader = yield* ServiceGraph.provideStream(Diamond, Stream.rechunk(Stream.make(1, 2, 3), 1)).pipe(
        Stream.runForEach((chunk) =>
          Effect.andThen(
            Effect.sync(() => seen.push(chunk)),
            gate.await,
          ),
        ),
        Effect.forkChild,
      )
      yield* settle
      yield* put([C, "c2"])
      yield* TestClock.adjust("1 hour")
      yield* gate.open
      assert.instanceOf(reasonOf(yield* Fiber.await(reader))[0], ServiceGraph.DrainLimitReached)
      assert.deepStrictEqual(seen, [1])
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("lets other holders of a pin race with `drained`, and end them later without harm", () =>
    Effect.gen(function* () {
      const raced = yield* Effect.gen(function* () {
        const context = yield* Diamond.pin
        return yield* Effect.provide(ServiceGraph.drained, context)
      }).pipe(Effect.scoped, Effect.exit, Effect.forkChild)
      const gate = yield* Latch.make()
      const plain = yield* Effect.forkChild(Diamond.provide(request(gate)))
      yield* settle
      yield* put([C, "c2"])
      yield* TestClock.adjust("1 hour")
      const exit = yield* Fiber.join(raced)
      assert.instanceOf(Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined, ServiceGraph.DrainLimitReached)
      yield* gate.open
      // It is not interrupted, but its services are closed.
      assert.deepStrictEqual((yield* Fiber.join(plain)).open, false)
      assert.deepStrictEqual(yield* generations, [[4, 0]])
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("`drained` watches the pins of all graphs that the fiber holds", () =>
    Effect.gen(function* () {
      class Quick extends ServiceGraph.Service<Quick>()("Quick", {
        nodes: [ServiceGraph.node(Aside, { needs: [C], layer: Aside.layer })],
        drain: "1 minute",
      }) {}
      const live = yield* Layer.build(Quick.layer)
      const raced = yield* Quick.provide(Diamond.provide(ServiceGraph.drained)).pipe(
        Effect.provide(live),
        Effect.exit,
        Effect.forkChild,
      )
      yield* settle
      yield* put([C, "c2"])
      yield* TestClock.adjust("1 minute")
      yield* settle
      const exit = raced.pollUnsafe()
      assert.isDefined(exit)
      assert.include(String(exit), "Quick")
    }).pipe(Effect.scoped, Effect.provide(diamond)),
  )

  it.effect("does not release a generation again that ended in time", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const held = yield* Effect.forkChild(Diamond.provide(request(gate)))
      yield* settle
      yield* put([C, "c2"])
      yield* TestClock.adjust("30 minutes")
      yield* gate.open
      yield* Fiber.join(held)
      yield* settle
      yield* logged
      yield* TestClock.adjust("1 day")
      assert.deepStrictEqual(yield* logged, [])
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("stops the drain timer with its generation", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let sleeping = 0
      const counting: Clock.Clock = Object.create(clock, {
        sleep: {
          value: (duration: Duration.Duration) =>
            Effect.acquireUseRelease(
              Effect.sync(() => sleeping++),
              () => clock.sleep(duration),
              () => Effect.sync(() => sleeping--),
            ),
        },
      })
      yield* Effect.gen(function* () {
        for (let index = 0; index < 5; index++) {
          const gate = yield* Latch.make()
          const held = yield* Effect.forkChild(Diamond.provide(request(gate)))
          yield* settle
          yield* put([C, index])
          yield* settle
          assert.strictEqual(sleeping, 1)
          yield* gate.open
          yield* Fiber.join(held)
          yield* settle
          assert.strictEqual(sleeping, 0)
        }
      }).pipe(Effect.provide(diamond), Effect.provideService(Clock.Clock, counting))
    }),
  )

  it.effect("releases the oldest of more than 16 live generations by force", () =>
    Effect.gen(function* () {
      const readers: Array<Fiber.Fiber<void>> = []
      for (let index = 0; index < 17; index++) {
        readers.push(
          yield* Effect.forkChild(
            Stream.runDrain(ServiceGraph.provideStream(Diamond, Stream.fromEffect(Effect.never))),
          ),
        )
        yield* settle
        assert.isTrue(readers.every((reader, reading) => (reader.pollUnsafe() === undefined) === reading > index - 16))
        yield* put([C, index])
        yield* settle
        assert.isAtMost((yield* generations).length, 16)
      }
      assert.strictEqual((yield* generations).length, 16)
      yield* Fiber.interruptAll(readers)
      yield* settle
      assert.strictEqual((yield* generations).length, 1)
      assert.strictEqual(yield* (yield* Diamond)["~signalbox/ServiceGraph"].size, 5)
    }).pipe(Effect.provide(diamond)),
  )

  it.effect("takes the drain limit from the options of the graph", () =>
    Effect.gen(function* () {
      class Quick extends ServiceGraph.Service<Quick>()("Quick", {
        nodes: [ServiceGraph.node(Aside, { needs: [C], layer: Aside.layer })],
        drain: "1 minute",
      }) {}
      const live = yield* Layer.build(Quick.layer)
      const waiting = yield* ServiceGraph.provideStream(Quick, Stream.fromEffect(Effect.never)).pipe(
        Stream.runDrain,
        Effect.provide(live),
        Effect.forkChild,
      )
      yield* settle
      yield* put([C, "c2"])
      yield* TestClock.adjust("1 minute")
      assert.instanceOf(reasonOf(yield* Fiber.await(waiting))[0], ServiceGraph.DrainLimitReached)
    }).pipe(
      Effect.scoped,
      Effect.provide(Layer.mergeAll(settings, BuildControl.layer).pipe(Layer.provideMerge(kernel))),
    ),
  )
})
