/** Runs a host until it is stopped, and returns even if something in it never closes. */
import { Duration, Effect, Fiber, type Latch } from "effect"

/** From the end of the last request until everything must be closed. Services have 25 seconds of it. */
const limit = Duration.seconds(30)

/**
 * Interrupts the host when `stop` returns. `drained` is open unless requests are served: they may take longer, and have a limit of their own. At the limit
 * it runs `overdue` and returns: the caller ends the process.
 */
export const untilStopped = <E>(
  host: Effect.Effect<never, E>,
  options: { readonly stop: Effect.Effect<void>; readonly drained: Latch.Latch; readonly overdue: Effect.Effect<void> },
): Effect.Effect<void, E> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const { drained, overdue, stop } = options
      const fiber = yield* Effect.forkDetach(Effect.interruptible(host), { startImmediately: true })
      const closed = Effect.raceFirst(
        Fiber.interrupt(fiber),
        Effect.andThen(drained.await, Effect.andThen(Effect.sleep(limit), overdue)),
      )
      yield* Effect.ensuring(restore(Effect.raceFirst(Fiber.join(fiber), stop)), closed)
    }),
  )
