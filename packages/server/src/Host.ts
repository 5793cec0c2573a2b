/**
 * The host behind `signalbox serve`: it takes the lock of its document, reads the document, listens and serves. When it stops, it waits for the
 * requests in flight and leaves nothing that would prevent the next start. It is composed of the packages' public Layers.
 */
import * as AtomicFile from "@signalbox/core/AtomicFile"
import { changeSummary, reloadFailed } from "@signalbox/core/ChangeSummary"
import type { ConfigStoreError } from "@signalbox/core/ConfigError"
import * as ConfigStore from "@signalbox/core/ConfigStore"
import { Credentials } from "@signalbox/core/Credentials"
import * as HistoryRetention from "@signalbox/core/HistoryRetention"
import * as LedgerRetention from "@signalbox/core/LedgerRetention"
import { ModelRegistry } from "@signalbox/core/ModelRegistry"
import { Providers } from "@signalbox/core/Providers"
import { Retention } from "@signalbox/core/Retention"
import * as ServiceGraph from "@signalbox/core/ServiceGraph"
import { RequireKeys } from "@signalbox/gateway/RequireKeys"
import * as NodeStatsLedger from "@signalbox/node/NodeStatsLedger"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, Latch, Layer, type Scope } from "effect"
import { AdminToken } from "./AdminToken.ts"
import { HostConfig, settings } from "./HostConfig.ts"
import * as HostEnvironment from "./HostEnvironment.ts"
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
import { untilStopped } from "./internal/Host/untilStopped.ts"
import { HostLock } from "./internal/HostLock.ts"
import { Drained, StopSwitch } from "./internal/Stopping.ts"
import { Listening } from "./Listening.ts"
import { StatusFile } from "./StatusFile.ts"
import * as TokenFile from "./TokenFile.ts"

export { HostError } from "./HostError.ts"

/** Options of a host. */
export interface Options {
  /** The path of the document. All other files of the host are beside it. */
  readonly config: string
  /** Overrides the document and the environment. 0 chooses a free port. */
  readonly port?: number
  /** Fail if the document is refused. Otherwise the last good configuration serves and the host reports itself as degraded. */
  readonly strict?: boolean
  /** Default: `text`. */
  readonly logFormat?: LogFormat
  /** The name of the command in the commands that the host suggests at start. Default: `signalbox`. */
  readonly command?: string
}

/**
 * Runs a host until SIGINT or SIGTERM, and then until the requests in flight have ended and, within 30 seconds, everything is closed. SIGHUP reads the
 * document again.
 *
 * **Gotchas**
 *
 * It takes over these signals and ends the process at a second SIGINT or SIGTERM. Use `layer` for a host within a program. It has no span,
 * which would last as long as the process.
 *
 * **Example** (A program that is a host)
 *
 * ```ts
 * import * as Host from "@signalbox/server/Host"
 * import { Effect } from "effect"
 *
 * const program = Host.serve({ config: "/srv/signalbox/config.json", logFormat: "json" })
 *
 * Effect.isEffect(program) // => true
 * ```
 */
export const serve = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<void, HostError, Scope.Scope> {
  const signals = yield* makeSignals
  yield* tolerateSlowReaders
  const drained = Latch.makeUnsafe(true)
  const host = Layer.launch(Layer.provide(reloading(signals), layer(options)))
  yield* untilStopped(Effect.provideService(host, Drained, drained), {
    stop: signals.stop,
    drained,
    overdue: Effect.logWarning("Ended by force: something did not close in time.").pipe(
      Effect.provide(Layer.provide(HostOutput.layer(options.logFormat ?? "text"), Secrets.layer)),
    ),
  })
}, Effect.scoped)

/**
 * A host within a program: it serves while its Scope is open, and handles no signals.
 *
 * **Example** (Serving requests from a program of your own)
 *
 * ```ts
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Host, Listening } from "@signalbox/server"
 * import { Effect, Layer } from "effect"
 *
 * const config = join(mkdtempSync(join(tmpdir(), "signalbox-")), "config.json")
 *
 * const program = Effect.gen(function* () {
 *   const { url } = yield* Listening
 *   const response = yield* Effect.promise(() => fetch(`${url}/healthz`))
 *   return response.status
 * }).pipe(Effect.provide(Layer.fresh(Host.layer({ config, port: 0 }))))
 *
 * await Effect.runPromise(program) // => 200
 * ```
 */
export const layer = (options: Options) => {
  const paths = hostPaths(options.config)
  return sweeping(paths).pipe(
    Layer.provideMerge(Http.layer),
    Layer.provideMerge(EventPrinter.layer),
    Layer.provideMerge(StartMessage.layerAt(paths, options.command)),
    Layer.provideMerge(HostHealth.layer),
    Layer.provideMerge(ServiceGraph.layerBackground(HostServices)),
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

/** Sweeps the leftovers of dead writers and starts the retention of the host's stores, one second after the start, to keep the start fast. */
const sweeping = ({ directory }: HostPaths) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const stores = Layer.mergeAll(HistoryRetention.layer, LedgerRetention.layer)
      const scope = yield* Effect.scope
      yield* Effect.sleep("1 second").pipe(
        Effect.andThen(AtomicFile.sweepDirectory(directory)),
        Effect.andThen(Layer.buildWithScope(stores, scope)),
        Effect.forkScoped,
      )
    }),
  )

/** Services that live as long as the host and follow its settings. */
const longLived = (paths: HostPaths) =>
  StatusFile.layerAt(paths.status).pipe(
    Layer.provideMerge(
      Layer.mergeAll(
        ModelRegistry.layer,
        Providers.layer,
        Retention.layer,
        NodeStatsLedger.layerAt(paths.ledger),
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
      HostEnvironment.layer,
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

/** Reloads on SIGHUP. `EventPrinter` prints the changes; this prints that there are none, or the failure. */
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
