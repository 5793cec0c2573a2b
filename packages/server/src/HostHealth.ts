/** Reports whether a host can serve, and which of its parts need attention: the data of `/healthz` and `/readyz`. */
import { version } from "@signalbox/api/Version"
import * as ConfigError from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { Credentials } from "@signalbox/core/Credentials"
import { Providers } from "@signalbox/core/Providers"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { UpstreamClients } from "@signalbox/gateway/UpstreamClient"
import { Context, Effect, Layer } from "effect"
import { HostConfig, Listen } from "./HostConfig.ts"
import { HostServices } from "./HostServices.ts"
import { HostLock } from "./internal/HostLock.ts"

/**
 * The health of a host.
 *
 * **Example** (Asking a host what needs attention)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { mkdtempSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Host, HostHealth } from "@signalbox/server"
 * import { Effect, Layer } from "effect"
 *
 * const config = join(mkdtempSync(join(tmpdir(), "signalbox-")), "config.json")
 *
 * const program = Effect.flatMap(HostHealth, ({ degraded }) => degraded).pipe(
 *   Effect.provide(Layer.fresh(Host.layer({ config, port: 0 }))),
 * )
 *
 * deepStrictEqual(await Effect.runPromise(program), [])
 * ```
 */
export class HostHealth extends Context.Service<
  HostHealth,
  {
    /** Succeeds while the process lives. */
    readonly health: Effect.Effect<{ readonly status: "ok"; readonly version: string; readonly pid: number }>
    /** Whether requests are served: a generation of the services exists. */
    readonly ready: Effect.Effect<boolean>
    /** At most 100 sentences without secrets, each about a part that needs attention. */
    readonly degraded: Effect.Effect<ReadonlyArray<string>>
  }
>()("@signalbox/server/HostHealth") {
  static readonly layer: Layer.Layer<
    HostHealth,
    never,
    HostConfig | HostLock | HostServices | ConfigSource | Listen | Providers | StatsLedger | Credentials
  > = Layer.effect(
    HostHealth,
    Effect.suspend(() => make),
  )
}

const maxSentences = 100

const make = Effect.gen(function* () {
  const store = yield* HostConfig
  const { name } = yield* ConfigSource
  const { pin, status } = yield* HostServices
  const providers = yield* Providers
  const ledger = yield* StatsLedger

  const refused = Effect.map(store.problems, (problems) =>
    problems.map(
      (problem) => `The document is refused and the last good one serves: ${ConfigError.format(name, problem)}`,
    ),
  )
  const warnings = Effect.map(store.warnings, (problems) =>
    problems.map((problem) => ConfigError.format(name, problem)),
  )
  const failed = Effect.map(status, ({ services }) =>
    services.flatMap(({ name, state }) =>
      state === "failed" ? [`The service ${name} could not be built: see the event service.failed.`] : [],
    ),
  )
  const outages = Effect.map(providers.outages, (outages) =>
    outages.map(({ provider, reason }) => `The provider ${provider} is down: ${reason}`),
  )
  // Without a generation, `pin` would wait for one.
  const refusedKeys = Effect.flatMap(status, ({ revision }) =>
    revision === 0 ? Effect.succeed([]) : Effect.scoped(Effect.map(pin, refusedKeysOf)),
  )
  const unwritten = Effect.match(ledger.snapshot({ window: "1 minute" }), {
    onFailure: ({ message }) => [message],
    onSuccess: ({ degraded }) =>
      degraded === undefined ? [] : [`The ledger cannot be written (${degraded.reason}): entries wait in memory.`],
  })

  const unknownKeys = Effect.map((yield* Credentials).problem, (problem) =>
    problem === undefined ? [] : [problem.message],
  )

  const { problem: lockProblem } = yield* HostLock
  const replaced = Effect.map(lockProblem, (sentence) => (sentence === undefined ? [] : [sentence]))

  const listen = yield* Listen
  const bound = yield* listen.get
  const unboundChanges = Effect.map(listen.get, (next) => {
    const changed = (["host", "port", "names"] as const).filter((key) => String(next[key]) !== String(bound[key]))
    return changed.length === 0
      ? []
      : [
          `${changed.map((key) => `listen.${key}`).join(", ")} changed since this host started: restart it to apply the change.`,
        ]
  })

  return HostHealth.of({
    health: Effect.succeed({ status: "ok", version, pid: process.pid }),
    ready: Effect.map(status, ({ revision }) => revision > 0),
    degraded: Effect.map(
      Effect.all([replaced, refused, failed, outages, refusedKeys, unboundChanges, unknownKeys, unwritten, warnings]),
      (all) => all.flat().slice(0, maxSentences),
    ),
  })
})

const refusedKeysOf = (services: Context.Context<UpstreamClients>): ReadonlyArray<string> =>
  [...Context.get(services, UpstreamClients).values()].flatMap(({ provider, keyStatus }) =>
    keyStatus.isRefused
      ? [
          `The provider ${provider} refuses the key of this host (401): set a valid one at providers.${provider}.api_key.`,
        ]
      : [],
  )
