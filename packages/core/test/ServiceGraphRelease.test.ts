import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { ServiceReleased } from "@signalbox/core/ServiceEvents"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { Context, Effect, Exit, Fiber, Latch, Layer, Logger, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { A, BuildControl, Diamond, diamond, kernel, logged, put, settings, settle } from "./ServiceGraph.fixtures.ts"

it.effect("releases by force a service whose finalizers do not end, then the others, and reports it", () =>
  Effect.gen(function* () {
    const [bus, control] = [yield* EventBus, yield* BuildControl]
    const events = yield* bus.subscribe({ types: [ServiceReleased] })
    const before = (yield* Diamond.status).generations[0]?.number ?? 0
    const stuck = "Top(Left(Base(a1)),Right(Base(a1),b1))"
    const end = yield* Effect.acquireRelease(Latch.make(), (latch) => latch.open)
    control.holdFinalizer.set(stuck, end)
    yield* logged
    yield* put([A, "a2"])
    yield* settle
    assert.deepStrictEqual(
      (yield* logged).filter((line) => line.startsWith("close")),
      [`close ${stuck}`],
    )
    yield* TestClock.adjust("9 seconds")
    assert.deepStrictEqual((yield* Diamond.status).releasing, [{ name: "Top", generation: before, ageMillis: 9000 }])
    yield* TestClock.adjust("1 second")
    const released = yield* Stream.runCollect(Stream.take(events, 4))
    assert.deepStrictEqual(
      released.map(
        (item) => item._tag === "Envelope" && [item.event.service, item.event.generation, item.event.forced],
      ),
      ["Top", "Right", "Left", "Base"].map((service) => [service, before, service === "Top"]),
    )
    // The next change does not wait, and the status lists it until the finalizers end.
    yield* put([A, "a3"])
    assert.deepStrictEqual((yield* Diamond.status).releasing, [{ name: "Top", generation: before, ageMillis: 10_000 }])
    yield* end.open
    yield* settle
    assert.deepStrictEqual((yield* Diamond.status).releasing, [])
  }).pipe(Effect.scoped, Effect.provide(diamond)),
)

it.effect("closes although finalizers do not end, and releases all other services", () => {
  const lines: Array<string> = []
  return Effect.gen(function* () {
    const control = yield* BuildControl
    const scope = yield* Scope.make()
    yield* Layer.buildWithScope(Layer.fresh(Diamond.layer), scope)
    control.holdFinalizer.set("Top(Left(Base(a1)),Right(Base(a1),b1))", Latch.makeUnsafe())
    control.holdFinalizer.set("Base(a1)", Latch.makeUnsafe())
    yield* logged
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    yield* settle
    yield* TestClock.adjust("10 seconds")
    assert.isUndefined(closing.pollUnsafe())
    yield* TestClock.adjust("10 seconds")
    yield* Fiber.join(closing)
    assert.strictEqual((yield* logged).filter((line) => line.startsWith("close")).length, 5)
    assert.deepStrictEqual(
      lines,
      ["Top", "Base"].map((name) => `${name} was released by force: its finalizers have not ended within 10s`),
    )
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.provideMerge(settings, Layer.merge(kernel, BuildControl.layer)).pipe(
        Layer.provideMerge(Logger.layer([Logger.make(({ message }) => void lines.push(String(message)))])),
      ),
    ),
  )
})

class Stubborn extends Context.Service<Stubborn, unknown>()("Stubborn") {}
const end = Latch.makeUnsafe()
class Hanging extends ServiceGraph.Service<Hanging>()("Hanging", {
  nodes: [ServiceGraph.node(Stubborn, { layer: Layer.effect(Stubborn, Effect.uninterruptible(end.await)) })],
}) {}

it.effect("closes although a layer that is being built does not end", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Effect.forkChild(Layer.buildWithScope(Layer.fresh(ServiceGraph.layerBackground(Hanging)), scope))
    yield* settle
    const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void))
    yield* settle
    yield* TestClock.adjust("25 seconds")
    yield* Fiber.join(closing)
  }).pipe(Effect.ensuring(end.open), Effect.scoped, Effect.provide(Layer.provideMerge(settings, kernel))),
)
