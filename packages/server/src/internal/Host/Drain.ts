/** Stops the traffic of a host: refuses new requests, waits for those in flight and reports how many there are. */
import { Effect } from "effect"
import type { Traffic } from "../Traffic.ts"

/** As long as a request may pin an old generation. Then the remaining requests are closed, with a message. */
const limit = "1 hour"
/** Between two reports. */
const reportInterval = "1 second"
/** For event feeds to receive their end, after all requests have ended. */
const feedTimeout = "1 second"

/** As a finalizer it is uninterruptible. Its waits are interruptible, because each is one side of a race. */
export const drain = (traffic: Traffic, write: (line: string) => Effect.Effect<void>): Effect.Effect<void> =>
  Effect.gen(function* () {
    traffic.stop()
    const all = waitFor(traffic, () => traffic.requests === 0)
    const ended = yield* Effect.raceFirst(
      Effect.as(reportUntil(traffic, all, write), true),
      Effect.as(Effect.sleep(limit), false),
    )
    if (!ended) yield* write(`Closed ${count(traffic.requests)} that had not ended after ${limit}.`)
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
    for (let reported = 0; traffic.requests > 0; ) {
      const { requests } = traffic
      if (requests !== reported) yield* write(waiting(requests, reported === 0))
      reported = requests
      const changed = Effect.andThen(
        Effect.sleep(reportInterval),
        waitFor(traffic, () => traffic.requests !== reported),
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
    const check = () => {
      if (!reached()) return
      traffic.listeners.delete(check)
      resume(Effect.void)
    }
    traffic.listeners.add(check)
    return Effect.sync(() => traffic.listeners.delete(check))
  })
