/**
 * The life of `signalbox serve`: it takes the lock of its document, reads it, listens, serves until it is told to stop, waits for the requests
 * under way, and leaves nothing that keeps the next start from working. Composed of the packages' public Layers alone.
 */
import { changeSummary, reloadFailed } from "@signalbox/core/ChangeSummary"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { Credentials } from "@signalbox/core/Credentials"
import * as HistoryRetention from "@signalbox/core/HistoryRetention"
import * as LedgerRetention from "@signalbox/core/LedgerRetention"
import { ModelRegistry } from "@signalbox/core/ModelRegistry"
import { Providers } from "@signalbox/core/Providers"
import { Retention } from "@signalbox/core/Retention"
import { RequireKeys } from "@signalbox/gateway/RequireKeys"
import * as Signalbox from "@signalbox/node/Signalbox"
import { ConfigProvider, Effect, Layer } from "effect"
import { AdminToken } from "./AdminToken.ts"
import { HostConfig, settings } from "./HostConfig.ts"
import { withShortNames } from "./HostEnvironment.ts"
import { ConfigUnusable, FileUnusable, HostError } from "./HostError.ts"
import { HostHealth } from "./HostHealth.ts"
import { HostServices } from "./HostServices.ts"
import * as Announcement from "./internal/Host/Announcement.ts"
import * as Http from "./internal/Host/Http.ts"
import * as Narrator from "./internal/Host/Narrator.ts"
import { type LogFormat, Output } from "./internal/Host/Output.ts"
import { Secrets } from "./internal/Host/Secrets.ts"
import { makeSignals, type Signals } from "./internal/Host/Signals.ts"
import { surviveReaders } from "./internal/Host/StandardOutput.ts"
import { HostLock } from "./internal/HostLock.ts"
import { StopSwitch } from "./internal/Stopping.ts"
import { Listening } from "./Listening.ts"
import { type Place, placeOf } from "./Place.ts"
import { StatusFile } from "./StatusFile.ts"
import * as TokenFile from "./TokenFile.ts"

export { HostError } from "./HostError.ts"

/** How to start a host. */
export interface Options {
  /** The path of the document. Whatever is the host's own lies beside it. */
  readonly config: string
  /** Above the document and the environment; 0 takes any free one. */
  readonly port?: number
  /** Do not start where the document is refused. Without it the last good one serves, and the host shows itself degraded. */
  readonly strict?: boolean
  /** Default `text`. */
  readonly logFormat?: LogFormat
  /** How the command is called here, for what the host shows to be tried next. Default `signalbox`. */
  readonly command?: string
}

/** Runs until SIGINT or SIGTERM, and then until the requests under way have ended. SIGHUP reads the document again. */
export const serve = (options: Options): Effect.Effect<void, HostError> =>
  Effect.scoped(
    Effect.gen(function* () {
      const signals = yield* makeSignals
      yield* surviveReaders
      const host = Layer.launch(Layer.provide(reloading(signals), layer(options)))
      yield* Effect.raceFirst(host, signals.stop)
    }),
  )

/** A host without a process around it: it serves as long as its Scope is open, and no signal is its own. */
export const layer = (options: Options) => {
  const place = placeOf(options.config)
  return sweeping.pipe(
    Layer.provideMerge(Http.layer),
    Layer.provideMerge(Narrator.layer),
    Layer.provideMerge(Announcement.layerAt(place, options.command)),
    Layer.provideMerge(HostHealth.layer),
    Layer.provideMerge(HostServices.layerBackground),
    Layer.provideMerge(Layer.mergeAll(Listening.layer, longLived(place))),
    Layer.provideMerge(Secrets.layerFollowing),
    Layer.provideMerge(
      Layer.mergeAll(
        settings,
        HostConfig.setting(RequireKeys, ({ features }) => features.auth),
      ),
    ),
    Layer.provideMerge(configuration(place, options)),
    Layer.provideMerge(HostLock.layerAt(place)),
    Layer.provideMerge(Signalbox.layerAt(place.config)),
    Layer.provideMerge(Layer.mergeAll(Output.layerFor(options.logFormat ?? "text"), StopSwitch.layer)),
    Layer.provideMerge(Secrets.layer),
  )
}

/** A moment after the start, which has more urgent things to do. */
const sweeping = Layer.effectDiscard(
  Effect.gen(function* () {
    const stores = Layer.mergeAll(HistoryRetention.layer, LedgerRetention.layer)
    yield* Effect.forkScoped(
      Effect.andThen(Effect.sleep("1 second"), Layer.buildWithScope(stores, yield* Effect.scope)),
    )
  }),
)

/** What lives as long as the host and follows its settings. */
const longLived = (place: Place) =>
  StatusFile.layerAt(place.status).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        ModelRegistry.layer,
        Providers.layer,
        Retention.layer,
        Signalbox.layerLedgerAt(place.ledger),
        Credentials.layerAt(place.credentials),
        token(place),
      ),
    ),
  )

const token = ({ token }: Place) =>
  TokenFile.layerAt(token).pipe(
    Layer.catch(({ message }) =>
      Layer.effect(
        AdminToken,
        Effect.fail(new HostError({ reason: new FileUnusable({ path: token, detail: message }) })),
      ),
    ),
  )

const configuration = (place: Place, { port, strict = false }: Options) =>
  HostConfig.layer.pipe(
    Layer.catch((error) => Layer.effect(HostConfig, Effect.fail(unusable(place, error)))),
    Layer.provide([
      Layer.succeed(ConfigStore.StrictStart, strict),
      Layer.succeed(ConfigStore.StartOverrides, port === undefined ? [] : [{ path: "/listen/port", value: port }]),
      Layer.effect(ConfigProvider.ConfigProvider, Effect.map(ConfigProvider.ConfigProvider, withShortNames)),
    ]),
  )

const unusable = ({ config }: Place, { message, reason }: ConfigStoreError): HostError =>
  new HostError({
    reason: new ConfigUnusable({
      path: config,
      problems: reason._tag === "Rejected" ? reason.problems : [],
      detail: message,
    }),
  })

/** What a change brings is told with its event; here only what brings none. */
const reloading = ({ hangUp }: Signals) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const store = yield* HostConfig
      const { say } = yield* Output
      const reload = Effect.matchEffect(store.reload(), {
        onFailure: (error) => say({ text: reloadFailed(error), level: "Warn" }),
        onSuccess: (changes) => (changes.length === 0 ? say({ text: changeSummary(changes) }) : Effect.void),
      })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(hangUp, reload)))
    }),
  )
