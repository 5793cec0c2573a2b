/** Usage as the ledger's files say, for when no host runs. */
import { EventBus } from "@signalbox/core/EventBus"
import { StatsLedger, StatsSettings, type StatsSnapshot } from "@signalbox/core/StatsLedger"
import * as NodeStatsLedger from "@signalbox/node/NodeStatsLedger"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Layer, Logger } from "effect"
import type { Where } from "../ConfigAccess.ts"
import { type Failure, failed } from "../Failure.ts"
import { layerOf } from "../FileConfigAccess.ts"
import { mustBeReadable } from "../FilePermissions.ts"
import { fromStore } from "../StoreFailure.ts"
import { line } from "../TextFormat.ts"

/** `window`: minutes; without it the document's, which else nobody asks: it may be refused. */
export const snapshotOf = (at: Where, window: number | undefined): Effect.Effect<StatsSnapshot, Failure> =>
  Effect.gen(function* () {
    if (window === undefined) yield* mustBeReadable(at.place.config)
    const beneath = window === undefined ? ofDocument(at) : StatsSettings.layer({ windowMinutes: window })
    const ledger = NodeStatsLedger.layerAt(at.place.ledger).pipe(
      Layer.provide(Layer.merge(beneath, EventBus.layer)),
      Layer.provide(Signalbox.layerPlatform),
    )
    // What there is to say of the document is no part of this.
    const context = yield* Effect.mapError(Layer.build(ledger), fromStore).pipe(Effect.provide(Logger.layer([])))
    return yield* Effect.flatMap(StatsLedger, ({ snapshot }) => snapshot()).pipe(
      Effect.mapError((error) => failed("unavailable", line(error.message), "`signalbox doctor` says more")),
      Effect.provideContext(context),
    )
  }).pipe(Effect.scoped)

const ofDocument = (at: Where) =>
  Layer.provide(
    HostConfig.setting(StatsSettings, (config) => config.stats),
    layerOf(at, "read"),
  )
