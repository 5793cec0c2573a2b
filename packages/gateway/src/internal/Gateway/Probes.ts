/**
 * How a provider comes back. While it is down its models are refused, so that nothing would ever find out that it answers again: one
 * request at a time is let through to see, the first a second after the outage began, then after twice as long each time, at most every
 * 30 seconds. Its answer ends the outage; the others are told when to come again.
 */
import { maxProviders, type Outage } from "@signalbox/core/Providers"

const firstMillis = 1_000
const maxMillis = 30_000

interface Probe {
  /** The outage that it belongs to. */
  readonly since: number
  nextAt: number
  waitMillis: number
  /** When the one that is under way began. */
  startedAt: number | undefined
}

export class Probes {
  readonly #probes = new Map<string, Probe>()

  /** Whether this request may go to see; then `end` should follow. */
  begin(outage: Outage, now: number): boolean {
    const probe = this.#of(outage)
    // One of which nothing is heard for so long may still wait for a model that thinks, or have been interrupted before it began.
    const isInFlight = probe.startedAt !== undefined && isPending(probe.startedAt + maxMillis, now)
    if (isInFlight || isPending(probe.nextAt, now)) return false
    probe.startedAt = now
    return true
  }

  /** `reached` is unknown when the caller left before anybody could tell: then the next request may go at once. */
  end(outage: Outage, reached: boolean | undefined, now: number): void {
    const probe = this.#of(outage)
    probe.startedAt = undefined
    if (reached === true) this.#probes.delete(outage.provider)
    if (reached !== false) return
    probe.waitMillis = Math.min(maxMillis, probe.waitMillis * 2)
    probe.nextAt = now + probe.waitMillis
  }

  /** When it makes sense to try again; at least 1. */
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
    // The oldest one belongs to an outage that has ended otherwise, or that is forgotten.
    const [oldest] = this.#probes.keys()
    if (this.#probes.size >= maxProviders && oldest !== undefined) this.#probes.delete(oldest)
    this.#probes.set(outage.provider, probe)
    return probe
  }
}

/** What is farther ahead than any wait was put there before the clock was set back, and would keep a provider down for as long as that. */
const isPending = (time: number, now: number): boolean => now < time && time - now <= maxMillis
