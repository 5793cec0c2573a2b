/** The whole admin API over services in memory. */
import { EventBus } from "@signalbox/core/EventBus"
import * as MemoryHost from "@signalbox/server/testing/MemoryHost"
import { Effect, Layer } from "effect"
import { HttpServer } from "effect/http/HttpServer"
import { burst } from "./events.ts"
import { serve } from "./Peer.ts"

const host = MemoryHost.layer("bench", {
  health: Effect.succeed({ status: "ok", version: "0.0.0", pid: process.pid }),
  ready: Effect.succeed(true),
  degraded: Effect.succeed([]),
})

const serving = Layer.effectDiscard(
  Effect.gen(function* () {
    const { address } = yield* HttpServer
    const bus = yield* EventBus
    const publish = Effect.runForkWith(yield* Effect.context<never>())
    if (address._tag !== "UnixPathAddress") serve(address.port, () => void publish(bus.publishAll(burst)))
  }),
)

Effect.runFork(Layer.launch(Layer.provide(serving, host)))
