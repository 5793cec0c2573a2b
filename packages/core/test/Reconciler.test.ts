import { assert, describe, it } from "@effect/vitest"
import { Busy } from "@signalbox/core/ConfigError"
import * as Event from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { type Participant, PrepareFailed, Reconciler, type Transaction } from "@signalbox/core/Reconciler"
import { Context, Deferred, Effect, Exit, Fiber, Latch, Layer, Option, Schema, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"

class Moved extends Event.Class<Moved>()("test.moved", { to: Schema.Int }) {}

const live = Reconciler.layer.pipe(Layer.provideMerge(EventBus.layer))

const commit = (transaction: Transaction, value: number, events: ReadonlyArray<Event.AnyEvent> = []) =>
  Effect.flatMap(transaction.prepare(new Map([["value", value]])), (prepared) => prepared.commit(events))
const put = (value: number, events: ReadonlyArray<Event.AnyEvent> = []) =>
  Effect.flatMap(Reconciler, (reconciler) => reconciler.run((transaction) => commit(transaction, value, events)))

/** A change that waits in the queue's fiber until a latch opens. */
const blocked = Effect.gen(function* () {
  const reconciler = yield* Reconciler
  const [started, open] = [yield* Latch.make(), yield* Latch.make()]
  const fiber = yield* Effect.forkChild(reconciler.run(() => Effect.andThen(started.open, open.await)))
  yield* started.await
  return { open: open.open, fiber }
})
/** Lets the fibers that were forked run until they wait. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

/** A Reconciler that the test itself shuts down. */
const standalone = Effect.gen(function* () {
  const scope = yield* Scope.make()
  const reconciler = Context.get(yield* Layer.buildWithScope(live, scope), Reconciler)
  return { reconciler, shutDown: Scope.close(scope, Exit.void) }
})

describe("Reconciler", () => {
  it.effect("runs changes one at a time, in the order of their calls", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const log: Array<string> = []
      const step = (name: string) =>
        reconciler.run(() =>
          Effect.gen(function* () {
            log.push(`${name} starts`)
            yield* Effect.yieldNow
            log.push(`${name} ends`)
          }),
        )
      const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => Effect.forkChild(step(name)))
      yield* settle
      yield* Fiber.joinAll(fibers)
      assert.deepStrictEqual(log, ["a starts", "a ends", "b starts", "b ends", "c starts", "c ends"])
    }).pipe(Effect.provide(live)),
  )

  it.effect("fails with Busy after 64 waiting or running changes, and waits for room with `wait`", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const slow = yield* blocked
      yield* TestClock.adjust("20 seconds")
      yield* slow.open
      yield* settle
      const first = yield* blocked
      const order: Array<number> = []
      const add = (index: number) => () => Effect.sync(() => order.push(index))
      const others = yield* Effect.forEach(
        Array.from({ length: 63 }, (_, index) => index),
        (index) => Effect.forkChild(reconciler.run(add(index))),
      )
      yield* settle
      assert.strictEqual(yield* reconciler.queued, 64)
      assert.deepStrictEqual(
        yield* Effect.flip(reconciler.run(add(-1))),
        new Busy({ detail: "64 changes wait already, and the last one took 20s" }),
      )
      const waiting = yield* Effect.forkChild(reconciler.run(add(63), { whenFull: "wait" }))
      yield* settle
      assert.isUndefined(waiting.pollUnsafe())
      yield* first.open
      yield* Fiber.joinAll([...others, waiting])
      assert.deepStrictEqual(
        order,
        Array.from({ length: 64 }, (_, index) => index),
      )
      assert.strictEqual(yield* reconciler.queued, 0)
    }).pipe(Effect.provide(live)),
  )

  it.effect("runs the change of an interrupted caller", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const first = yield* blocked
      let ran = false
      const caller = yield* Effect.forkChild(reconciler.run(() => Effect.sync(() => (ran = true))))
      yield* settle
      yield* Fiber.interrupt(caller)
      assert.isFalse(ran)
      yield* first.open
      yield* reconciler.run(() => Effect.void)
      assert.isTrue(ran)
    }).pipe(Effect.provide(live)),
  )

  it.effect("drops the change of a caller that was interrupted before the queue had room", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const first = yield* blocked
      yield* Effect.forEach(Array.from({ length: 63 }), () => Effect.forkChild(reconciler.run(() => Effect.void)))
      yield* settle
      let ran = false
      const caller = yield* Effect.forkChild(
        reconciler.run(() => Effect.sync(() => (ran = true)), { whenFull: "wait" }),
      )
      yield* settle
      yield* Fiber.interrupt(caller)
      yield* first.open
      yield* reconciler.run(() => Effect.void, { whenFull: "wait" })
      assert.isFalse(ran)
    }).pipe(Effect.provide(live)),
  )

  it.effect("fails the caller with the failure or defect of its change, and runs the next change", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      assert.strictEqual(yield* Effect.flip(reconciler.run(() => Effect.fail("no"))), "no")
      const thrown = yield* Effect.exit(
        reconciler.run(() => {
          throw new Error("boom")
        }),
      )
      assert.isTrue(Exit.hasDies(thrown))
      assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(reconciler.run(() => Effect.interrupt))))
      assert.strictEqual(yield* reconciler.run(() => Effect.succeed(1)), 1)
    }).pipe(Effect.provide(live)),
  )

  it.effect("closes the Scope of a change before its caller continues", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const log: Array<string> = []
      yield* reconciler.run(() => Effect.addFinalizer(() => Effect.sync(() => log.push("closed"))))
      log.push("answered")
      assert.deepStrictEqual(log, ["closed", "answered"])
    }).pipe(Effect.provide(live)),
  )

  it.effect("commits the prepared values over the current ones, as generation 1, 2, 3 …", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      assert.deepInclude(yield* reconciler.current, { number: 0, revision: 0 })
      const before = yield* reconciler.current
      yield* reconciler.run((transaction) =>
        Effect.gen(function* () {
          const prepared = yield* transaction.prepare(new Map([["a", 1]]), { revision: 7 })
          assert.strictEqual(transaction.current, before)
          yield* prepared.commit([])
          assert.strictEqual(transaction.current, prepared.generation)
        }),
      )
      yield* put(2)
      const { number, revision, values } = yield* reconciler.current
      assert.deepStrictEqual(
        { number, revision, values: [...values] },
        {
          number: 2,
          revision: 7,
          values: [
            ["a", 1],
            ["value", 2],
          ],
        },
      )
      assert.strictEqual(yield* reconciler.read("value"), 2)
      assert.isTrue(Exit.hasDies(yield* Effect.exit(reconciler.read("unknown"))))
    }).pipe(Effect.provide(live)),
  )

  it.effect("refuses a second commit of a candidate, and a commit over another candidate", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const exits = yield* reconciler.run((transaction) =>
        Effect.gen(function* () {
          const first = yield* transaction.prepare(new Map([["value", 1]]))
          const second = yield* transaction.prepare(new Map([["value", 2]]))
          return yield* Effect.forEach([second, second, first], (prepared) => Effect.exit(prepared.commit([])))
        }),
      )
      assert.deepStrictEqual(exits.map(Exit.hasDies), [false, true, true])
      const leaked = yield* reconciler.run((transaction) => transaction.prepare(new Map([["value", 3]])))
      assert.isTrue(Exit.hasDies(yield* Effect.exit(leaked.commit([]))))
      assert.strictEqual(yield* reconciler.read("value"), 2)
    }).pipe(Effect.provide(live)),
  )

  it.effect("ignores the result of a participant that is detached during a change", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const [preparing, gone] = [yield* Latch.make(), yield* Latch.make()]
      const closing: Participant = {
        prepare: () =>
          Effect.gen(function* () {
            yield* preparing.open
            yield* gone.await
            return yield* new PrepareFailed({ failures: [{ node: "Closing", message: "closed" }] })
          }),
      }
      yield* reconciler.run((transaction) => transaction.attach(closing))
      const change = yield* Effect.forkChild(put(1))
      yield* preparing.await
      yield* reconciler.detach(closing)
      yield* gone.open
      yield* Fiber.join(change)
      assert.strictEqual((yield* reconciler.current).values.get("value"), 1)
    }).pipe(Effect.provide(live)),
  )

  it.effect("publishes the events of a commit together, the change's before the observers', with the revision", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      const bus = yield* EventBus
      const events = yield* bus.subscribe()
      const observer = yield* Scope.make()
      yield* reconciler
        .observe((before, after) => [new Moved({ to: (after.number - before.number) * 100 })])
        .pipe(Scope.provide(observer))
      yield* reconciler.observe(() => {
        throw new Error("an observer that fails loses only its own events")
      })
      yield* reconciler.run((transaction) =>
        Effect.flatMap(transaction.prepare(new Map(), { revision: 3 }), (prepared) =>
          prepared.commit([new Moved({ to: 1 }), new Moved({ to: 2 })]),
        ),
      )
      yield* Scope.close(observer, Exit.void)
      yield* put(1, [new Moved({ to: 3 })])
      const seen = yield* Stream.runCollect(Stream.take(events, 4))
      assert.deepStrictEqual(
        seen.map((item) => (item._tag === "Envelope" ? [(item.event as Moved).to, item.revision] : item)),
        [
          [1, 3],
          [2, 3],
          [100, 3],
          [3, 3],
        ],
      )
    }).pipe(Effect.scoped, Effect.provide(live)),
  )

  it.effect("streams the current generation first, may skip some, and never misses the last", () =>
    Effect.gen(function* () {
      const reconciler = yield* Reconciler
      yield* put(1)
      const [gate, seen] = [yield* Latch.make(), [] as unknown[]]
      const follower = yield* reconciler.generations.pipe(
        Stream.map(({ values }) => values.get("value")),
        Stream.tap((value) =>
          Effect.andThen(
            Effect.sync(() => seen.push(value)),
            gate.await,
          ),
        ),
        Stream.takeUntil((value) => value === 9),
        Stream.runDrain,
        Effect.forkChild,
      )
      yield* settle
      for (const value of [2, 3, 4, 9]) yield* put(value)
      yield* gate.open
      yield* Fiber.join(follower)
      assert.deepStrictEqual(seen, [1, 9])
    }).pipe(Effect.provide(live)),
  )

  it.effect("wakes followers of generations after the events of the commit", () =>
    Effect.gen(function* () {
      const [reconciler, bus] = [yield* Reconciler, yield* EventBus]
      const before = yield* bus.cursor
      const follower = yield* reconciler.generations.pipe(
        Stream.filter(({ number }) => number === 1),
        Stream.mapEffect(() => bus.cursor),
        Stream.runHead,
        Effect.forkChild,
      )
      yield* settle
      yield* put(1, [new Moved({ to: 1 })])
      const cursor = Option.getOrThrow(yield* Fiber.join(follower))
      assert.strictEqual(cursor.sequence, before.sequence + 1)
    }).pipe(Effect.provide(live)),
  )

  describe("changes from within a change", () => {
    it.effect("dies instead of a deadlock when a change waits for another change", () =>
      Effect.gen(function* () {
        const reconciler = yield* Reconciler
        assert.isFalse(yield* reconciler.inChange)
        const exit = yield* Effect.exit(reconciler.run(() => reconciler.run(() => Effect.void)))
        assert.isTrue(Exit.hasDies(exit))
        assert.isTrue(yield* reconciler.run(() => reconciler.inChange))
      }).pipe(Effect.provide(live)),
    )

    it.effect("runs a change of runLater after the current one, even if the queue is full", () =>
      Effect.gen(function* () {
        const reconciler = yield* Reconciler
        const first = yield* blocked
        const log: Array<string> = []
        const changes = yield* Effect.forEach(Array.from({ length: 63 }), (_, index) =>
          Effect.forkChild(
            reconciler.run(() =>
              index > 0
                ? Effect.void
                : Effect.gen(function* () {
                    // One takes the free place; two wait for room.
                    yield* Effect.forEach([1, 2, 3], (later) =>
                      reconciler.runLater(() => Effect.sync(() => log.push(`later ${later}`))),
                    )
                    log.push("asked")
                  }),
            ),
          ),
        )
        yield* settle
        assert.strictEqual(yield* reconciler.queued, 64)
        yield* first.open
        yield* Fiber.joinAll(changes)
        yield* reconciler.run(() => Effect.void, { whenFull: "wait" })
        assert.deepStrictEqual(log, ["asked", "later 1", "later 2", "later 3"])
      }).pipe(Effect.provide(live)),
    )

    it.effect("queues a change by runLater outside of a change, and logs its defect", () =>
      Effect.gen(function* () {
        const reconciler = yield* Reconciler
        const first = yield* blocked
        let ran = false
        yield* reconciler.runLater(() => Effect.die("nobody waits for this"))
        yield* reconciler.runLater(() => Effect.sync(() => (ran = true)))
        assert.isFalse(ran)
        yield* first.open
        yield* reconciler.run(() => Effect.void)
        assert.isTrue(ran)
      }).pipe(Effect.provide(live)),
    )

    it.effect("lets a fiber that outlives its change wait for another change", () =>
      Effect.gen(function* () {
        const reconciler = yield* Reconciler
        const [gate, outer] = [yield* Latch.make(), yield* Effect.scope]
        const begin = { startImmediately: true }
        const [early, late] = yield* reconciler.run(() =>
          Effect.all([
            Effect.forkIn(
              reconciler.run(() => Effect.succeed("early")),
              outer,
              begin,
            ),
            Effect.forkIn(Effect.andThen(gate.await, reconciler.inChange), outer, begin),
          ]),
        )
        assert.strictEqual(yield* Fiber.join(early), "early")
        yield* gate.open
        assert.isFalse(yield* Fiber.join(late))
      }).pipe(Effect.scoped, Effect.provide(live)),
    )
  })

  describe("shutdown", () => {
    it.effect(
      "ends the running change after its uninterruptible part, and interrupts all waiting and later callers",
      () =>
        Effect.gen(function* () {
          const { reconciler, shutDown } = yield* standalone
          const [started, written] = [yield* Latch.make(), yield* Deferred.make<void>()]
          const log: Array<string> = []
          const running = yield* Effect.forkChild(
            reconciler.run(() =>
              Effect.gen(function* () {
                yield* started.open
                yield* Deferred.await(written)
                log.push("written")
              }).pipe(Effect.uninterruptible, Effect.andThen(Effect.sync(() => log.push("went on")))),
            ),
          )
          yield* started.await
          const waiting = yield* Effect.forEach(Array.from({ length: 70 }), () =>
            Effect.forkChild(reconciler.run(() => Effect.sync(() => log.push("ran")), { whenFull: "wait" })),
          )
          yield* settle
          const closing = yield* Effect.forkChild(shutDown)
          yield* settle
          assert.isUndefined(closing.pollUnsafe())
          yield* Deferred.succeed(written, undefined)
          yield* Fiber.join(closing)
          assert.deepStrictEqual(log, ["written"])
          const exits = yield* Fiber.awaitAll([running, ...waiting])
          assert.isTrue(exits.every(Exit.hasInterrupts))
          assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(reconciler.run(() => Effect.void))))
          assert.isTrue(Exit.hasInterrupts(yield* Effect.exit(reconciler.runLater(() => Effect.void))))
        }),
    )

    it.effect("interrupts an interruptible change at shutdown, and ends streams of generations", () =>
      Effect.gen(function* () {
        const { reconciler, shutDown } = yield* standalone
        const running = yield* Effect.forkChild(reconciler.run(() => Effect.never))
        const follower = yield* Effect.forkChild(Stream.runDrain(reconciler.generations))
        yield* settle
        yield* shutDown
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(running)))
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(follower)))
      }),
    )
  })
})
