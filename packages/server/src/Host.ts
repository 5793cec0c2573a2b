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
import { type HostPaths, hostPaths } from "./HostPaths.ts"
import { HostServices } from "./HostServices.ts"
import * as EventPrinter from "./internal/Host/EventPrinter.ts"
import { HostOutput, type LogFormat } from "./internal/Host/HostOutput.ts"
import * as Http from "./internal/Host/Http.ts"
import { Secrets } from "./internal/Host/Secrets.ts"
import { makeSignals, type Signals } from "./internal/Host/Signals.ts"
import { tolerateSlowReaders } from "./internal/Host/StandardOutput.ts"
import * as StartMessage from "./internal/Host/StartMessage.ts"
import { HostLock } from "./internal/HostLock.ts"
import { StopSwitch } from "./internal/Stopping.ts"
import { Listening } from "./Listening.ts"
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
      yield* tolerateSlowReaders
      const host = Layer.launch(Layer.provide(reloading(signals), layer(options)))
      yield* Effect.raceFirst(host, signals.stop)
    }),
  )

/** A host without a process around it: it serves as long as its Scope is open, and no signal is its own. */
export const layer = (options: Options) => {
  const paths = hostPaths(options.config)
  return sweeping.pipe(
    Layer.provideMerge(Http.layer),
    Layer.provideMerge(EventPrinter.layer),
    Layer.provideMerge(StartMessage.layerAt(paths, options.command)),
    Layer.provideMerge(HostHealth.layer),
    Layer.provideMerge(HostServices.layerBackground),
    Layer.provideMerge(Layer.mergeAll(Listening.layer, longLived(paths))),
    Layer.provideMerge(Secrets.layerFollowing),
    Layer.provideMerge(
      Layer.mergeAll(
        settings,
        HostConfig.setting(RequireKeys, ({ features }) => features.auth),
      ),
    ),
    Layer.provideMerge(configuration(paths, options)),
    Layer.provideMerge(HostLock.layerAt(paths)),
    Layer.provideMerge(Signalbox.layerAt(paths.config)),
    Layer.provideMerge(Layer.mergeAll(HostOutput.layer(options.logFormat ?? "text"), StopSwitch.layer)),
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
const longLived = (paths: HostPaths) =>
  StatusFile.layerAt(paths.status).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        ModelRegistry.layer,
        Providers.layer,
        Retention.layer,
        Signalbox.layerLedgerAt(paths.ledger),
        Credentials.layerAt(paths.credentials),
        token(paths),
      ),
    ),
  )

const token = ({ token }: HostPaths) =>
  TokenFile.layerAt(token).pipe(
    Layer.catch(({ message }) =>
      Layer.effect(
        AdminToken,
        Effect.fail(new HostError({ reason: new FileUnusable({ path: token, detail: message }) })),
      ),
    ),
  )

const configuration = (paths: HostPaths, { port, strict = false }: Options) =>
  HostConfig.layer.pipe(
    Layer.catch((error) => Layer.effect(HostConfig, Effect.fail(unusable(paths, error)))),
    Layer.provide([
      Layer.succeed(ConfigStore.StrictStart, strict),
      Layer.succeed(ConfigStore.StartOverrides, port === undefined ? [] : [{ path: "/listen/port", value: port }]),
      Layer.effect(ConfigProvider.ConfigProvider, Effect.map(ConfigProvider.ConfigProvider, withShortNames)),
    ]),
  )

const unusable = ({ config }: HostPaths, { message, reason }: ConfigStoreError): HostError =>
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
      const output = yield* HostOutput
      const reload = Effect.matchEffect(store.reload(), {
        onFailure: (error) => output.write({ text: reloadFailed(error), level: "Warn" }),
        onSuccess: (changes) => (changes.length === 0 ? output.write({ text: changeSummary(changes) }) : Effect.void),
      })
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(hangUp, reload)))
    }),
  )
