/** Handlers of the state endpoints: services, models, usage, health. The feed after a response's `cursor` reports all later changes. */
import { AdminApi } from "@signalbox/api/AdminApi"
import { formatCursor } from "@signalbox/core/Event"
import { EventBus } from "@signalbox/core/EventBus"
import { DefaultModelAlias, ModelRegistry } from "@signalbox/core/ModelRegistry"
import { type Provider, ProviderSettings, Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import type { Status } from "@signalbox/core/ServiceGraph"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Duration, Effect } from "effect"
import { HttpApiBuilder } from "effect/http-api"
import { HostHealth } from "../../HostHealth.ts"
import { readiness } from "../HealthRoutes.ts"
import { ledgerProblem } from "./ServiceProblems.ts"

/** The ServiceGraph of a host. */
export interface Graph<Self> {
  readonly status: Effect.Effect<Status, never, Self>
}

export const servicesOf = <Self>(graph: Graph<Self>) =>
  HttpApiBuilder.group(
    AdminApi,
    "services",
    Effect.fnUntraced(function* (handlers) {
      const context = yield* Effect.context<Self>()
      const reconciler = yield* Reconciler
      const bus = yield* EventBus
      return handlers.handle("list", () =>
        Effect.gen(function* () {
          const cursor = formatCursor(yield* bus.cursor)
          const status = yield* Effect.provideContext(graph.status, context)
          const queued = yield* reconciler.queued
          const subscribers = (yield* bus.subscribers).map(({ types, ...subscriber }) =>
            types === undefined ? subscriber : { ...subscriber, types },
          )
          return { ...status, queued, subscribers, cursor }
        }),
      )
    }),
  )

export const models = HttpApiBuilder.group(
  AdminApi,
  "models",
  Effect.fnUntraced(function* (handlers) {
    const bus = yield* EventBus
    const registry = yield* ModelRegistry
    const settings = yield* ProviderSettings
    const providers = yield* Providers
    const defaultAlias = yield* DefaultModelAlias
    return handlers.handle("list", () =>
      Effect.gen(function* () {
        const cursor = formatCursor(yield* bus.cursor)
        const models = (yield* registry.models).map(({ registeredBy, ...model }) =>
          registeredBy === undefined ? model : { ...model, registeredBy },
        )
        const byId = Object.entries(yield* settings.get)
        const states = byId.map(([id, provider]) => providerState(id, provider, providers.outage(id)))
        return { models, providers: states, defaultAlias: yield* defaultAlias.get, cursor }
      }),
    )
  }),
)

const providerState = (
  id: string,
  provider: Provider,
  outage: { readonly reason: string; readonly since: number } | undefined,
) => ({
  id,
  kind: provider.kind,
  ...("baseUrl" in provider ? { baseUrl: provider.baseUrl } : {}),
  hasKey: "apiKey" in provider && provider.apiKey !== undefined,
  ...(outage === undefined ? {} : { outage: { reason: outage.reason, since: outage.since } }),
})

export const stats = HttpApiBuilder.group(
  AdminApi,
  "stats",
  Effect.fnUntraced(function* (handlers) {
    const ledger = yield* StatsLedger
    return handlers.handle("snapshot", ({ query: { window } }) =>
      Effect.mapError(ledger.snapshot(window === undefined ? {} : { window: Duration.minutes(window) }), ledgerProblem),
    )
  }),
)

export const health = HttpApiBuilder.group(
  AdminApi,
  "health",
  Effect.fnUntraced(function* (handlers) {
    const host = yield* HostHealth
    return handlers.handleAll({
      healthz: () => host.health,
      readyz: () => readiness(host),
    })
  }),
)
