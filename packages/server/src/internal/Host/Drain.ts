/** The end of a host: no new requests, those under way to their ends, feeds told, and people told for how many it waits. */
import { Effect } from "effect"
import type { Traffic } from "../Traffic.ts"

/** As long as an old generation of services may be held; then what is left is cut, which is said. */
const limit = "1 hour"
/** Between two words about how many are left. */
const between = "1 second"
/** For feeds to take their end, once all else has ended. */
const feedTimeout = "1 second"

/** Uninterruptible where it is a finalizer: its waits are not, each is one side of a race. */
export const drain = (traffic: Traffic, write: (line: string) => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.gen(function* () {
    traffic.stop()
    const all = waitFor(traffic, () => traffic.requests === 0)
    const ended = yield* Effect.raceFirst(
      Effect.as(reportUntil(traffic, all, write), true),
      Effect.as(Effect.sleep(limit), false),
    )
    if (!ended) yield* write(`After ${limit} ${count(traffic.requests)} still had not ended: cut.`)
    const feeds = waitFor(traffic, () => traffic.feeds === 0)
    yield* Effect.raceFirst(feeds, Effect.sleep(feedTimeout))
    traffic.close()
  })

const reportUntil = (
  traffic: Traffic,
  all: Effect.Effect<void>,
  write: (line: string) => Effect.Effect<void>,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let said = 0; traffic.requests > 0; ) {
      const { requests } = traffic
      if (requests !== said) yield* write(waiting(requests, said === 0))
      said = requests
      const changed = Effect.andThen(
        Effect.sleep(between),
        waitFor(traffic, () => traffic.requests !== said),
      )
      yield* Effect.raceFirst(all, changed)
    }
  })

const waiting = (requests: number, first: boolean): string =>
  `Waiting for ${count(requests)} to end${first ? "; a second signal ends them" : ""}.`

const count = (requests: number): string => (requests === 1 ? "1 request" : `${requests} requests`)

const waitFor = (traffic: Traffic, reached: () => boolean): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (reached()) return resume(Effect.void)
    const look = () => {
      if (!reached()) return
      traffic.listeners.delete(look)
      resume(Effect.void)
    }
    traffic.listeners.add(look)
    return Effect.sync(() => traffic.listeners.delete(look))
  })
