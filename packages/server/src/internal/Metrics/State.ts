/** Gauges of the host's state at the moment of a scrape. */
import { version } from "@signalbox/api/Version"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import type { Status } from "@signalbox/core/ServiceGraph"
import { type Context, Effect, Metric } from "effect"
import { Listening } from "../../Listening.ts"

/** The ServiceGraph of a host. */
export interface Graph<Self> {
  readonly status: Effect.Effect<Status, never, Self>
}

/** Returns an effect that updates the gauges in the registry. */
export const makeState = Effect.fnUntraced(function* <Self>(graph: Graph<Self>, registry: Context.Context<never>) {
  const services = yield* Effect.context<Self>()
  const { traffic } = yield* Listening
  const bus = yield* EventBus
  const reconciler = yield* Reconciler
  const providers = yield* Providers
  const credentials = yield* Credentials

  const gauge = (id: string, description: string, value: number, attributes: Readonly<Record<string, string>> = {}) =>
    Metric.gauge(id, { description, attributes }).updateUnsafe(value, registry)
  gauge("signalbox_build_info", "Always 1, with the version as label.", 1, { version })

  return Effect.gen(function* () {
    const { generations, revision, services: all } = yield* Effect.provideContext(graph.status, services)
    const pins = generations.reduce((sum, { pins }) => sum + pins, 0)
    gauge("signalbox_config_revision", "The configuration revision that serves, 0 before the first.", revision)
    gauge(
      "signalbox_generations",
      "Live generations of services, more than one while old requests run.",
      generations.length,
    )
    gauge("signalbox_pins", "Requests that pin a generation.", pins)
    for (const state of ["starting", "ready", "failed"] as const) {
      const count = all.filter((service) => service.state === state).length
      gauge("signalbox_services", "Services of the graph by state.", count, { state })
    }
    gauge("signalbox_changes_queued", "Queued configuration changes.", yield* reconciler.queued)

    const subscribers = yield* bus.subscribers
    const maximum = (of: "lagEvents" | "lagMillis") =>
      subscribers.reduce((maximum, one) => Math.max(maximum, one[of]), 0)
    gauge("signalbox_event_subscribers", "Subscribers of events in this process.", subscribers.length)
    gauge("signalbox_event_lag_events", "Events that the slowest subscriber has not received.", maximum("lagEvents"))
    gauge(
      "signalbox_event_lag_seconds",
      "Age of the oldest event that a subscriber has not received.",
      maximum("lagMillis") / 1000,
    )
    gauge("signalbox_event_streams", "Open event streams over HTTP.", traffic.feeds)
    gauge("signalbox_requests_in_flight", "HTTP requests in flight, without event streams.", traffic.requests)
    gauge("signalbox_providers_down", "Providers that are down.", (yield* providers.outages).length)
    gauge("signalbox_keys", "Valid keys of callers.", (yield* credentials.list).length)
    updateProcess(registry)
  })
})

/** Names that Prometheus's official clients share. */
const updateProcess = (registry: Context.Context<never>): void => {
  const { heapTotal, heapUsed, rss } = process.memoryUsage()
  const { system, user } = process.cpuUsage()
  const gauge = (id: string, description: string, value: number) =>
    Metric.gauge(id, { description }).updateUnsafe(value, registry)
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", rss)
  gauge("nodejs_heap_size_total_bytes", "Process heap size from Node.js in bytes.", heapTotal)
  gauge("nodejs_heap_size_used_bytes", "Process heap size used from Node.js in bytes.", heapUsed)
  gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", startedAt)
  const cpu = Metric.counter("process_cpu_seconds_total", {
    description: "Total user and system CPU time spent in seconds.",
    incremental: true,
  })
  cpu.updateUnsafe((user + system) / 1e6 - cpu.valueUnsafe(registry).count, registry)
}

const startedAt = performance.timeOrigin / 1000
