/**
 * Compacts repeatedly, and kills itself just before or after some step on the disk (open, rename, unlink). Arguments: directory, clock file,
 * number of such moments to survive.
 */
import { promises } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Flock } from "@signalbox/node/Flock"
import * as NodeSegmentStorage from "@signalbox/node/NodeSegmentStorage"
import { Effect, Layer } from "effect"
import { clockFrom } from "./SharedClock.ts"

const [directory = "", clock = "", moments = "0"] = process.argv.slice(2)

let left = Number(moments)
const dieAtLast = () => {
  if (--left === 0) process.kill(process.pid, "SIGKILL")
}
const mortal =
  <A extends ReadonlyArray<unknown>, B>(step: (...args: A) => Promise<B>) =>
  async (...args: A): Promise<B> => {
    dieAtLast()
    const answer = await step(...args)
    dieAtLast()
    return answer
  }
promises.open = mortal(promises.open)
promises.rename = mortal(promises.rename)
promises.rm = mortal(promises.rm)
syncBuiltinESMExports()

const program = Effect.gen(function* () {
  const ledger = yield* StatsLedger
  for (;;) {
    yield* ledger.compact
    // Yields the processor to the eight other processes.
    yield* Effect.promise(() => new Promise<void>((resolve) => setTimeout(resolve, 5)))
  }
})

const layer = StatsLedger.layer.pipe(
  Layer.provide(Layer.mergeAll(NodeSegmentStorage.layerAt(directory), EventBus.layer)),
  Layer.provide(Layer.merge(Flock.layer, StatsSettings.layer({ windowMinutes: 60 }))),
  Layer.provide(clockFrom(clock)),
)

await Effect.runPromise(Effect.provide(program, layer))
