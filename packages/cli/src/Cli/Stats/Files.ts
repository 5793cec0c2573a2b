/** Usage as the ledger's files say, for when no host runs. */
import { StatsLedger, StatsSettings, type StatsSnapshot } from "@signalbox/core/StatsLedger"
import * as Signalbox from "@signalbox/node/Signalbox"
import { HostConfig } from "@signalbox/server/HostConfig"
import { Effect, Layer } from "effect"
import { layerOf } from "../Access/Local.ts"
import { fromStore } from "../Access/StoreAnswers.ts"
import type { Where } from "../Access.ts"
import { type Failure, failed } from "../Failure.ts"
import { line } from "../Shown.ts"

/** `window`: minutes; without it the document's. */
export const snapshotOf = (at: Where, window: number | undefined): Effect.Effect<StatsSnapshot, Failure> =>
  Effect.gen(function* () {
    const context = yield* Effect.mapError(Layer.build(layerOf(at, "read")), fromStore)
    const settings = HostConfig.setting(StatsSettings, (config) => config.stats)
    const ledger = Layer.provide(Signalbox.layerLedgerAt(at.place.ledger), settings)
    return yield* Effect.flatMap(StatsLedger, (ledger) =>
      ledger.snapshot(window === undefined ? {} : { window: `${window} minutes` }),
    ).pipe(
      Effect.mapError((error) => failed("unavailable", line(error.message), "`signalbox doctor` says more")),
      Effect.provide(ledger),
      Effect.provideContext(context),
    )
  }).pipe(Effect.scoped)
