/** Starts a graph in the background. */
import { Cause, Deferred, Effect, Stream } from "effect"
import { ServiceFailed } from "../../ServiceEvents.ts"
import { type Engine, toPrepareFailed } from "./Engine.ts"

/** Tries to start until it succeeds: at once, after each commit, and every 30 seconds. */
export const keepStarting = ({ start, state }: Engine): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { bus, reconciler, served } = state
    let reported = ""
    while (!(yield* Deferred.isDone(served))) {
      const generation = yield* reconciler.current
      const failed = yield* Effect.match(start, { onFailure: (failed) => failed, onSuccess: () => undefined })
      if (failed === undefined) return
      state.attempt = failed
      const events = toPrepareFailed(failed, generation, state.live).failures.map(
        ({ message, node }) => new ServiceFailed({ service: node, reason: message }),
      )
      // A service that fails in the same way for a day is reported once.
      const report = JSON.stringify([generation.number, events])
      if (report !== reported) yield* bus.publishAll(events, { revision: generation.revision })
      reported = report
      yield* Stream.runHead(Stream.filter(reconciler.generations, ({ number }) => number > generation.number)).pipe(
        Effect.timeoutOption(retryDelay),
      )
    }
  }).pipe(
    // Callers that wait for a pin must fail too.
    Effect.onError((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.andThen(
            Effect.logError("A graph of services cannot start", cause),
            Deferred.failCause(state.served, cause),
          ),
    ),
  )

// A failure from outside, as a network that is not ready at boot, may end without a change.
const retryDelay = "30 seconds"
