/**
 * The usage ledger of a host on Node: `StatsLedger` over segment files that all processes of a program share. It is a module of its own, so that a host
 * without a ledger does not load one.
 */
import type { EventBus } from "@signalbox/core/EventBus"
import type { SegmentStorage, SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { StatsLedger, type StatsSettings } from "@signalbox/core/StatsLedger"
import { Layer } from "effect"
import { Flock } from "./Flock.ts"
import * as NodeSegmentStorage from "./NodeSegmentStorage.ts"

/**
 * Provides the ledger of the program `name` in `ledger` beside its document. All its processes share it.
 *
 * **Example** (Recording calls on disk)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { StatsLedger, StatsSettings } from "@signalbox/core"
 * import { NodeStatsLedger, Signalbox } from "@signalbox/node"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const ledger = yield* StatsLedger
 *   yield* ledger.record({ provider: "openai", model: "fast", status: 200 })
 *   return (yield* ledger.snapshot({ window: "1 hour" })).models["fast"]?.requests
 * })
 *
 * const host = NodeStatsLedger.layerFor("my-program").pipe(
 *   Layer.provide(StatsSettings.layer({ windowMinutes: 60 })),
 *   Layer.provide(Signalbox.layerFor("my-program")),
 * )
 * strictEqual(await Effect.runPromise(Effect.provide(program, host)), 1)
 * ```
 */
export const layerFor = (
  name: string,
): Layer.Layer<StatsLedger | SegmentStorage, SegmentsUnavailable, StatsSettings | EventBus> =>
  overSegments(NodeSegmentStorage.layerFor(name))

/** Provides the ledger in `directory`. */
export const layerAt = (
  directory: string,
): Layer.Layer<StatsLedger | SegmentStorage, never, StatsSettings | EventBus> =>
  overSegments(NodeSegmentStorage.layerAt(directory))

const overSegments = <E>(segments: Layer.Layer<SegmentStorage, E, Flock>) =>
  Layer.provideMerge(StatsLedger.layer, Layer.provide(segments, Flock.layer))
