/**
 * Waits until signals stop: 250 ms after the last one, at most 2 s in all. `Stream.debounce` has no longest wait and costs fibers for
 * each signal; here a signal only notes the time. For a file, `standStill` looks at the file itself: on a loaded machine, signals arrive late and a
 * timer may end between two writes of one save.
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
  /** As `settle`, but waits until `look` has found the same for 250 ms. A file that is being written in place has up to 10 s. */
  readonly standStill: (look: Effect.Effect<Sight>) => Effect.Effect<void>
}

/** The result of a look at a file. */
export interface Sight {
  /** The file that has the name. A file that was replaced is whole. */
  readonly file: string
  /** Changes with the file's content. */
  readonly print: string
}

/** An editor's save is several events within milliseconds. */
const quietMillis = 250
/** A program that writes all the time is still noticed this often. */
const longestMillis = 2_000
/** After this time a file that still changes in place is read anyway. */
const longestInPlaceMillis = 10_000
/** A sleep may last longer, and never ends earlier: looks are counted, because the clock may be set. */
const lookMillis = 50

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
      standStill: Effect.fnUntraced(function* (look: Effect.Effect<Sight>) {
        // The signal stands for the first change: a save of milliseconds needs no look before the first sleep.
        let [seen, since, isInPlace]: [Sight | undefined, number, boolean] = [undefined, 0, false]
        for (let slept = lookMillis; slept <= (isInPlace ? longestInPlaceMillis : longestMillis); slept += lookMillis) {
          yield* Effect.sleep(lookMillis)
          const found = yield* look
          if (seen !== undefined && found.print !== seen.print) {
            isInPlace = found.file === seen.file
            since = slept
          }
          seen = found
          if (slept - since >= quietMillis) break
        }
        latch.closeUnsafe()
      }),
    }
  }),
)
