/** The lifetime of subscriptions and their lag. */
import { assert } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { type BusTest, Counted, count, Foreign, Passing } from "./Fixtures.ts"

export const subscriberTests = (test: BusTest): void => {
  test("ends a subscription when its consumer is interrupted or its Scope closes", (bus) =>
    Effect.gen(function* () {
      const subscriber = yield* Stream.unwrap(bus.subscribe({ name: "first" })).pipe(
        Stream.runDrain,
        Effect.forkScoped({ startImmediately: true }),
      )
      assert.deepStrictEqual(
        (yield* bus.subscribers).map(({ name }) => name),
        ["first"],
      )
      yield* Fiber.interrupt(subscriber)
      assert.deepStrictEqual(yield* bus.subscribers, [])

      const scope = yield* Scope.make()
      const stream = yield* Scope.provide(bus.subscribe(), scope)
      const waiting = yield* Effect.forkScoped(Stream.runCollect(stream), { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      assert.deepStrictEqual(yield* Stream.runCollect(stream), [])
      assert.deepStrictEqual(yield* bus.subscribers, [])
    }))

  test("reports the lag of each subscriber in events and in time", (bus) =>
    Effect.gen(function* () {
      const slow = yield* bus.subscribe({ name: "slow", types: [Counted] })
      yield* Effect.asVoid(bus.subscribe({ types: [Passing] }))
      yield* TestClock.adjust("1 second")
      yield* bus.publishAll([count(1), new Foreign({})])
      yield* TestClock.adjust("2 seconds")
      yield* bus.publish(count(2))
      const [first, second] = yield* bus.subscribers
      assert.deepStrictEqual(first, { name: "slow", types: ["test.counted"], lagEvents: 2, lagMillis: 2000 })
      assert.deepStrictEqual([second?.types, second?.lagEvents, second?.lagMillis], [["test.passing"], 0, 0])
      assert.isAbove(second?.name.length ?? 0, 0)
      yield* Stream.runDrain(Stream.take(slow, 2))
      assert.deepStrictEqual((yield* bus.subscribers)[0]?.lagEvents, 0)
    }))
}
