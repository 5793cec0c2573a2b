import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import { Effect, Scheduler } from "effect"
import { AdminHost, host, token } from "./AdminHost.ts"

/** Asks for the feed, of types that nobody else follows, and breaks off so many turns of the event loop later. */
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

/** An interrupt that comes between two steps must find the one that undoes the first: fibers yield after so many. */
for (const operations of [3, 5, 13, 2048]) {
  it.live(
    `clients that leave at any moment leave no stream and no subscription behind (yields after ${operations})`,
    () =>
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
        // The last ones may still be on their way; what was left behind would stay for ever.
        const left = Effect.map(bus.subscribers, (subscribers) => subscribers.length - before)
        assert.strictEqual(
          yield* Effect.repeat(Effect.andThen(Effect.yieldNow, left), { until: (left) => left <= 0, times: 3000 }),
          0,
        )
      }).pipe(Effect.scoped, Effect.provide(host), Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)),
  )
}
