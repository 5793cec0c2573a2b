/**
 * Waits until signals stop: 250 ms after the last one, at most 2 s in all. `Stream.debounce` has no longest wait and costs fibers for
 * each signal; here a signal only notes the time.
 */
import { Clock, Effect, Latch } from "effect"

/** For one waiting fiber. */
export interface Debounce {
  /** Notes a signal. */
  readonly signal: Effect.Effect<void>
  /** Waits for the first signal since the last `settle`. */
  readonly signalled: Effect.Effect<void>
  /** After a first signal: waits until the signals stop. Later signals count for the next round. */
  readonly settle: Effect.Effect<void>
}

/** An editor's save is several events within milliseconds. */
const quietMillis = 250
/** A program that writes all the time is still noticed this often. */
const longestMillis = 2_000

export const makeDebounce: Effect.Effect<Debounce> = Effect.clockWith((clock) =>
  Effect.sync(() => {
    const latch = Latch.makeUnsafe()
    let last = 0
    return {
      signal: Effect.sync(() => {
        last = clock.currentTimeMillisUnsafe()
        latch.openUnsafe()
      }),
      signalled: latch.await,
      settle: Effect.gen(function* () {
        const end = (yield* Clock.currentTimeMillis) + longestMillis
        while (true) {
          const wait = Math.min(last + quietMillis, end) - (yield* Clock.currentTimeMillis)
          if (wait <= 0) break
          yield* Effect.sleep(wait)
        }
        latch.closeUnsafe()
      }),
    }
  }),
)
