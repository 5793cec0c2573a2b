/**
 * The contract of `EventBus`. Run it with `eventBusSuite(name, layer)`. Each test builds the layer with its own `EventCapacity`. A bus may
 * keep more history than the capacity; events that it does not deliver must be counted in Gaps.
 */
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Exit, Fiber, Layer, Scope, Stream } from "effect"
import { EventBus, EventCapacity, EventSource } from "../EventBus.ts"
import { type BusTest, collect, Ended } from "./EventBusSuite/Fixtures.ts"
import { envelopeTests, historyTests } from "./EventBusSuite/history.ts"
import { lossTests } from "./EventBusSuite/loss.ts"
import { orderTests } from "./EventBusSuite/order.ts"
import { subscriberTests } from "./EventBusSuite/subscribers.ts"

export const eventBusSuite = (name: string, layer: Layer.Layer<EventBus>): void => {
  describe(name, () => {
    const test: BusTest = (title, body, capacity = 1024) =>
      it.effect(title, () =>
        Effect.flatMap(EventBus, body).pipe(
          Effect.provide(Layer.provide(Layer.fresh(layer), Layer.succeed(EventCapacity, capacity))),
        ),
      )
    orderTests(test)
    envelopeTests(test)
    historyTests(test)
    lossTests(test)
    subscriberTests(test)

    it.effect("ends the streams of a bus with the bus", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const bus = Context.get(yield* Layer.buildWithScope(Layer.fresh(layer), scope), EventBus)
        const waiting = yield* Effect.forkScoped(Stream.runCollect(yield* bus.subscribe()), { startImmediately: true })
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(yield* Fiber.join(waiting), [])
      }),
    )

    it.effect("puts the EventSource of the host into envelopes", () =>
      Effect.gen(function* () {
        const bus = yield* EventBus
        const seen = yield* collect(bus)
        yield* bus.publish(new Ended({}))
        assert.deepStrictEqual(
          (yield* Fiber.join(seen)).map((item) => item._tag === "Envelope" && item.source),
          ["//host/1"],
        )
      }).pipe(Effect.provide(Layer.provide(Layer.fresh(layer), Layer.succeed(EventSource, "//host/1")))),
    )
  })
}
