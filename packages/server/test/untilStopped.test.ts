import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"
import { untilStopped } from "../src/internal/Host/untilStopped.ts"

const start = Effect.fnUntraced(function* (host: Effect.Effect<never, string>) {
  const [stop, drained] = [Latch.makeUnsafe(), Latch.makeUnsafe(true)]
  const log: Array<string> = []
  const overdue = Effect.sync(() => void log.push("overdue"))
  const fiber = yield* Effect.forkChild(untilStopped(host, { stop: stop.await, drained, overdue }), {
    startImmediately: true,
  })
  return { stop, drained, log, fiber }
})

const neverCloses = Effect.onExit(Effect.never, () => Effect.never)

it.effect("returns 30 seconds after a signal although something never closes, and reports it", () =>
  Effect.gen(function* () {
    const { fiber, log, stop } = yield* start(neverCloses)
    yield* TestClock.adjust("1 hour")
    yield* stop.open
    yield* TestClock.adjust("29 seconds")
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(log, ["overdue"])
  }),
)

it.effect("counts from the end of the last request", () =>
  Effect.gen(function* () {
    const { drained, fiber, log, stop } = yield* start(neverCloses)
    drained.closeUnsafe()
    yield* stop.open
    yield* TestClock.adjust("1 hour")
    yield* drained.open
    yield* TestClock.adjust("29 seconds")
    assert.deepStrictEqual(log, [])
    yield* TestClock.adjust("1 second")
    yield* Fiber.join(fiber)
    assert.deepStrictEqual(log, ["overdue"])
  }),
)

it.effect("closes the host first when it is stopped or interrupted, and fails with its error", () =>
  Effect.gen(function* () {
    let closed = 0
    const host = Effect.onExit(Effect.never, () => Effect.sync(() => closed++))
    const stopped = yield* start(host)
    yield* stopped.stop.open
    yield* Fiber.join(stopped.fiber)
    assert.strictEqual(closed, 1)
    const interrupted = yield* start(host)
    yield* Fiber.interrupt(interrupted.fiber)
    assert.strictEqual(closed, 2)
    const failed = yield* start(Effect.fail("port taken"))
    assert.strictEqual(yield* Effect.flip(Fiber.join(failed.fiber)), "port taken")
    assert.deepStrictEqual([...stopped.log, ...interrupted.log, ...failed.log], [])
  }),
)
