/** The rhythm of hints: after `quiet` without another signal, at the latest `most` after the first (`Stream.debounce` knows no latest). */
import { Clock, Duration, Effect, Option } from "effect"

export interface Rhythm {
  readonly quiet: Duration.Input
  readonly most: Duration.Input
}

/** An editor's save is several events within milliseconds; a program that writes all the time is still seen every two seconds. */
export const rhythm: Rhythm = { quiet: "250 millis", most: "2 seconds" }

/** To be run when a first signal has come: takes signals until they rest, or until the longest wait is over. */
export const settled = <E, R>(
  signal: Effect.Effect<unknown, E, R>,
  { most, quiet }: Rhythm,
): Effect.Effect<void, E, R> =>
  Effect.gen(function* () {
    const last = (yield* Clock.currentTimeMillis) + Duration.toMillis(most)
    while (true) {
      const left = last - (yield* Clock.currentTimeMillis)
      const wait = Math.min(Duration.toMillis(quiet), left)
      if (wait <= 0 || Option.isNone(yield* Effect.timeoutOption(signal, wait))) return
    }
  })
