/** Writes what a host writes beside its document: the token, the status, a key, calls in the ledger. Its argument is the document's path. */
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { StatsLedger, StatsSettings } from "@signalbox/core/StatsLedger"
import * as Signalbox from "@signalbox/node/Signalbox"
import { placeOf } from "@signalbox/server/Place"
import { StatusFile } from "@signalbox/server/StatusFile"
import * as TokenFile from "@signalbox/server/TokenFile"
import { Effect, Layer } from "effect"

const place = placeOf(process.argv[2] ?? "")

const layer = Layer.mergeAll(
  StatusFile.layerAt(place.status),
  TokenFile.layerAt(place.token),
  Credentials.layerAt(place.credentials),
).pipe(
  Layer.provideMerge(Signalbox.layerLedgerAt(place.ledger)),
  Layer.provide([EventBus.layer, StatsSettings.layer({ windowMinutes: 60 })]),
  Layer.provide(Signalbox.layerPlatform),
)

const main = Effect.gen(function* () {
  yield* StatsLedger.use((ledger) => ledger.record({ provider: "echo", model: "echo" }))
  yield* Credentials.use(({ add }) => add({ id: "one" }))
})

await Effect.runPromise(Effect.provide(main, layer))
