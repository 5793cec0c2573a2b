/** How the host is at the moment of a scrape. */
import { version } from "@signalbox/api/Version"
import { Credentials } from "@signalbox/core/Credentials"
import { EventBus } from "@signalbox/core/EventBus"
import { Providers } from "@signalbox/core/Providers"
import { Reconciler } from "@signalbox/core/Reconciler"
import type { Status } from "@signalbox/core/ServiceGraph"
import { type Context, Effect, Metric } from "effect"
import { Listening } from "../../Listening.ts"

/** A ServiceGraph, whichever a host declares. */
export interface Graph<Self> {
  readonly status: Effect.Effect<Status, never, Self>
}

/** Writes the numbers of now into the registry. */
export const makeState = Effect.fnUntraced(function* <Self>(graph: Graph<Self>, registry: Context.Context<never>) {
  const services = yield* Effect.context<Self>()
  const { traffic } = yield* Listening
  const bus = yield* EventBus
  const reconciler = yield* Reconciler
  const providers = yield* Providers
  const credentials = yield* Credentials

  const gauge = (id: string, description: string, value: number, attributes: Readonly<Record<string, string>> = {}) =>
    Metric.gauge(id, { description, attributes }).updateUnsafe(value, registry)
  gauge("signalbox_build_info", "Always 1; its label says the version.", 1, { version })

  return Effect.gen(function* () {
    const { generations, revision, services: all } = yield* Effect.provideContext(graph.status, services)
    const pins = generations.reduce((sum, { pins }) => sum + pins, 0)
    gauge("signalbox_config_revision", "The revision of the configuration that serves; 0 until one does.", revision)
    gauge(
      "signalbox_generations",
      "Generations of services that live; more than one while old requests run.",
      generations.length,
    )
    gauge("signalbox_pins", "Requests that hold a generation.", pins)
    for (const state of ["starting", "ready", "failed"] as const) {
      const count = all.filter((service) => service.state === state).length
      gauge("signalbox_services", "Services of the graph by state.", count, { state })
    }
    gauge("signalbox_changes_queued", "Changes that wait for their turn.", yield* reconciler.queued)

    const subscribers = yield* bus.subscribers
    const most = (of: "lagEvents" | "lagMillis") => subscribers.reduce((most, one) => Math.max(most, one[of]), 0)
    gauge("signalbox_event_subscribers", "Those who follow the events within this process.", subscribers.length)
    gauge("signalbox_event_lag_events", "Events that the slowest subscriber has not taken.", most("lagEvents"))
    gauge(
      "signalbox_event_lag_seconds",
      "Age of the oldest event that a subscriber has not taken.",
      most("lagMillis") / 1000,
    )
    gauge("signalbox_event_streams", "Event streams over HTTP that are open.", traffic.feeds)
    gauge("signalbox_requests_in_flight", "HTTP requests under way, event streams not included.", traffic.requests)
    gauge("signalbox_providers_down", "Providers that are down.", (yield* providers.outages).length)
    gauge("signalbox_keys", "Keys of callers that are in force.", (yield* credentials.list).length)
    updateProcess(registry)
  })
})

/** In the spelling that Prometheus's own clients have in common. */
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
