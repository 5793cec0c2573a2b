import { assert, it } from "@effect/vitest"
import { ConfigEvents, ConfigStore, EventBus, Reconciler } from "@signalbox/core"
import { Deferred, Effect, Fiber, Layer, Queue, Stream } from "effect"
import { AppConfig, RequestLimit } from "../src/subscriber.ts"

const host = RequestLimit.layer.pipe(
  Layer.provideMerge(ConfigStore.layerMemory(AppConfig, { limits: { requests: 1 }, greeting: "hello" })),
  Layer.provideMerge(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
)

it.effect("admits waiting callers when the limit grows, and ignores changes of other values", () =>
  Effect.gen(function* () {
    const config = yield* AppConfig
    const limit = yield* RequestLimit
    const inside = yield* Queue.unbounded<string>()
    const leave = yield* Deferred.make<void>()
    const request = (name: string) => limit.withPermit(Effect.andThen(Queue.offer(inside, name), Deferred.await(leave)))

    const first = yield* Effect.forkChild(request("first"))
    assert.strictEqual(yield* Queue.take(inside), "first")
    const second = yield* Effect.forkChild(request("second"), { startImmediately: true })
    yield* config.update([{ path: "/greeting", value: "good day" }])
    assert.strictEqual(yield* Queue.size(inside), 0)

    yield* config.update([{ path: "/limits/requests", value: 2 }])
    assert.strictEqual(yield* Queue.take(inside), "second")
    assert.strictEqual(yield* limit.resized, 1)
    yield* Deferred.succeed(leave, undefined)
    yield* Fiber.joinAll([first, second])
  }).pipe(Effect.provide(host)),
)

it.effect("publishes the changed paths without their values", () =>
  Effect.gen(function* () {
    const config = yield* AppConfig
    const events = yield* (yield* EventBus).subscribe({ types: [ConfigEvents.ConfigChanged] })
    yield* config.update([{ path: "/greeting", value: "good day" }])
    const [seen] = yield* Stream.runCollect(Stream.take(events, 1))
    assert.isTrue(seen?._tag === "Envelope")
    if (seen?._tag !== "Envelope") return
    assert.deepStrictEqual(seen.event.paths, ["/greeting"])
    assert.notInclude(JSON.stringify(seen), "good day")
  }).pipe(Effect.provide(host), Effect.scoped),
)
