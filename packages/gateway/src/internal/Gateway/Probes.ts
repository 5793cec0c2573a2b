/**
 * Decides which requests may test a provider that is down. Its models are refused during an outage, so one request at a time is let through as a probe:
 * the first one second after the outage began, then with double the wait each time, at most 30 seconds. A response ends the outage. Refused
 * callers get the time of the next probe as Retry-After.
 */
import { maxProviders, type Outage } from "@signalbox/core/Providers"

const firstMillis = 1_000
const maxMillis = 30_000

interface Probe {
  /** The start of the outage that this probe belongs to. */
  readonly since: number
  nextAt: number
  waitMillis: number
  /** When the probe in flight started. */
  startedAt: number | undefined
}

export class Probes {
  readonly #probes = new Map<string, Probe>()

  /** Whether this request may probe the provider. If so, the caller must call `end`. */
  begin(outage: Outage, now: number): boolean {
    const probe = this.#of(outage)
    // After `maxMillis`, a probe may be waiting for a slow model, or was interrupted before it started.
    const isInFlight = probe.startedAt !== undefined && isPending(probe.startedAt + maxMillis, now)
    if (isInFlight || isPending(probe.nextAt, now)) return false
    probe.startedAt = now
    return true
  }

  /** `reached` is `undefined` if the caller left before the outcome was known. The next request may then probe at once. */
  end(outage: Outage, reached: boolean | undefined, now: number): void {
    const probe = this.#of(outage)
    probe.startedAt = undefined
    if (reached === true) this.#probes.delete(outage.provider)
    if (reached !== false) return
    probe.waitMillis = Math.min(maxMillis, probe.waitMillis * 2)
    probe.nextAt = now + probe.waitMillis
  }

  /** Seconds until the next probe, at least 1. */
  retryAfterSeconds(outage: Outage, now: number): number {
    const { nextAt } = this.#of(outage)
    return isPending(nextAt, now) ? Math.ceil((nextAt - now) / 1_000) : 1
  }

  #of(outage: Outage): Probe {
    const known = this.#probes.get(outage.provider)
    if (known?.since === outage.since) return known
    const probe = {
      since: outage.since,
      nextAt: outage.since + firstMillis,
      waitMillis: firstMillis,
      startedAt: undefined,
    }
    // The oldest entry belongs to an outage that ended in another way.
    const [oldest] = this.#probes.keys()
    if (this.#probes.size >= maxProviders && oldest !== undefined) this.#probes.delete(oldest)
    this.#probes.set(outage.provider, probe)
    return probe
  }
}

/** Ignores deadlines beyond the maximum wait: they predate a clock change and would keep a provider down for too long. */
const isPending = (time: number, now: number): boolean => now < time && time - now <= maxMillis
