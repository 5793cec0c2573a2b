import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { Effect, Scheduler } from "effect"
import { AdminHost, host, token } from "./AdminHost.ts"

/** Opens a feed and closes the connection after some turns of the event loop. */
const leave = (port: number, types: string, turns: number) =>
  Effect.callback<void>((resume) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(
        `GET /api/events?types=${types} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`,
      )
      let left = turns
      const turn = () => (left-- > 0 ? setImmediate(turn) : socket.resetAndDestroy())
      turn()
    })
    socket.on("error", () => undefined)
    socket.on("close", () => resume(Effect.void))
  })

// Fibers yield after few operations, so that interrupts arrive between any two steps.
for (const operations of [3, 5, 13, 2048]) {
  it.live(`releases streams and subscriptions of clients that leave at any moment (yields after ${operations})`, () =>
    Effect.gen(function* () {
      const { port } = yield* AdminHost
      const bus = yield* EventBus
      const before = (yield* bus.subscribers).length
      const types = ["model.added", "model.changed", "model.removed", "config.changed", "model.added,model.removed"]
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, index) => index),
        (index) => leave(port, types[index % types.length]!, index % 60),
        { concurrency: 10, discard: true },
      )
      // The last clients may still be leaving; a leaked subscription would stay for ever.
      const left = Effect.map(bus.subscribers, (subscribers) => subscribers.length - before)
      assert.strictEqual(
        yield* Effect.repeat(Effect.andThen(Effect.yieldNow, left), { until: (left) => left <= 0, times: 3000 }),
        0,
      )
    }).pipe(Effect.scoped, Effect.provide(host), Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)),
  )
}
