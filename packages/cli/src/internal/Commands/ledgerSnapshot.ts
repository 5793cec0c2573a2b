/** Reads usage from the ledger's files, for when no host is running. */
import { EventBus } from "@signalbox/core/EventBus"
import { StatsLedger, StatsSettings, type StatsSnapshot } from "@signalbox/core/StatsLedger"
import * as NodeStatsLedger from "@signalbox/node/NodeStatsLedger"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Layer, Logger } from "effect"
import { type Failure, failed } from "../Failure.ts"
import { layerOf } from "../FileConfigAccess.ts"
import { requireReadable } from "../FilePermissions.ts"
import { storeFailure } from "../storeFailure.ts"
import type { Target } from "../Target.ts"
import { escapeLine } from "../TextFormat.ts"

/** `window` is in minutes. With it the document is not read, so that a refused document does not hide the usage. */
export const ledgerSnapshot = (target: Target, window: number | undefined): Effect.Effect<StatsSnapshot, Failure> =>
  Effect.gen(function* () {
    if (window === undefined) yield* requireReadable(target.paths.config)
    const settings = window === undefined ? settingOf(target) : StatsSettings.layer({ windowMinutes: window })
    const ledger = NodeStatsLedger.layerAt(target.paths.ledger).pipe(
      Layer.provide(Layer.merge(settings, EventBus.layer)),
      Layer.provide(Signalbox.layerPlatform),
    )
    // Warnings about the document do not belong to the usage.
    const context = yield* Effect.mapError(Layer.build(ledger), storeFailure).pipe(Effect.provide(Logger.layer([])))
    return yield* Effect.flatMap(StatsLedger, ({ snapshot }) => snapshot()).pipe(
      Effect.mapError((error) => failed("unavailable", escapeLine(error.message), "`signalbox doctor` tells more")),
      Effect.provideContext(context),
    )
  }).pipe(Effect.scoped)

const settingOf = (target: Target) =>
  Layer.provide(
    HostConfig.setting(StatsSettings, (config) => config.stats),
    layerOf(target, "read"),
  )
