/** Releases instances, each within a limit: a finalizer that never ends must neither keep other services open nor prevent the end of the program. */
import { Clock, Duration, Effect, Exit, Fiber, Option, Scope } from "effect"
import { failureMessage } from "../FailureMessage.ts"
import type { Instance } from "./Plan.ts"

/** The time that the finalizers of one instance have before the next one is released. */
const releaseLimit = Duration.seconds(10)

export interface Releases {
  /** The instances whose finalizers have not ended, with the start of their release in milliseconds since 1970. */
  readonly unfinished: ReadonlyMap<Instance, number>
  /** Closes the Scope of an instance. At the limit it returns, and the finalizers continue. */
  readonly release: (instance: Instance, scope: Scope.Closeable) => Effect.Effect<void>
}

export const makeReleases = (onReleased: (instance: Instance) => Effect.Effect<void>): Releases => {
  const unfinished = new Map<Instance, number>()
  const close = (instance: Instance, scope: Scope.Closeable) =>
    Scope.close(scope, Exit.void).pipe(
      Effect.catchCause((cause) =>
        // The cause may hold secrets of the settings from which the service was built.
        Effect.logError(`A finalizer of ${instance.name} has failed: ${failureMessage(cause, instance.inputs)}`),
      ),
      Effect.ensuring(Effect.sync(() => unfinished.delete(instance))),
    )
  return {
    unfinished,
    release: Effect.fnUntraced(function* (instance, scope) {
      unfinished.set(instance, yield* Clock.currentTimeMillis)
      if (!(yield* endsWithin(close(instance, scope), releaseLimit))) {
        yield* Effect.logWarning(
          `${instance.name} was released by force: its finalizers have not ended within ${Duration.format(releaseLimit)}`,
        )
        if (instance.released !== undefined) instance.released = { ...instance.released, forced: true }
      }
      yield* onReleased(instance)
    }),
  }
}

/** Runs the effect in a fiber of its own, which continues at the limit, and returns whether it has ended. */
export const endsWithin = (effect: Effect.Effect<void>, limit: Duration.Duration): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkDetach(effect, { startImmediately: true })
    if (fiber.pollUnsafe() !== undefined) return true
    return Option.isSome(yield* Effect.timeoutOption(Fiber.await(fiber), limit))
  })
