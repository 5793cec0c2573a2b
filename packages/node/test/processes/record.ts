/**
 * Records entries, numbered from 0 in `inputTokens`, and appends one byte to the file of acknowledgements after each, which a kill cannot revoke.
 * Prints `.` after every 200. Arguments: directory, clock file, key, times, file of acknowledgements.
 */
import { openSync, writeSync } from "node:fs"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import { Flock } from "@signalbox/node/Flock"
import * as NodeSegmentStorage from "@signalbox/node/NodeSegmentStorage"
import { Effect, Layer } from "effect"
import { clockFrom } from "./SharedClock.ts"

const [directory = "", clock = "", key = "", times = "0", acknowledged = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const ledger = yield* StatsLedger
  const fd = openSync(acknowledged, "a")
  for (let i = 0; i < Number(times); i++) {
    yield* ledger.record({ provider: "echo", model: `model-${i % 5}`, key, inputTokens: i, latencyMillis: i % 1000 })
    writeSync(fd, ".")
    if (i % 200 === 199) writeSync(1, ".\n")
  }
})

const layer = StatsLedger.layer.pipe(
  Layer.provide(Layer.mergeAll(NodeSegmentStorage.layerAt(directory), EventBus.layer)),
  Layer.provide(Layer.merge(Flock.layer, StatsSettings.layer({ windowMinutes: 60 }))),
  Layer.provide(clockFrom(clock)),
)

await Effect.runPromise(Effect.provide(program, layer))
