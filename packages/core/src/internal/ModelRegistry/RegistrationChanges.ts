/** Adds registrations to the table and removes them, as changes of the Reconciler. */
import { Effect, type Scope, Stream } from "effect"
import { ModelRegistrations, type Registration } from "../../ModelSettings.ts"
import type { PrepareFailed, Reconciler, Transaction } from "../../Reconciler.ts"
import { type AcceptedRegistration, type AcceptedRegistrations, inForce } from "./AcceptedRegistrations.ts"

export interface RegistrationChanges {
  readonly add: (
    accepted: AcceptedRegistration,
  ) => (transaction: Transaction) => Effect.Effect<void, PrepareFailed, Scope.Scope>
  /** Queues the removal and does not wait: finalizers call it, and the change under way may be what closes their `Scope`. */
  readonly withdraw: (accepted: AcceptedRegistration) => Effect.Effect<void>
}

export const makeRegistrationChanges = Effect.fnUntraced(function* (
  reconciler: Reconciler["Service"],
  registrations: AcceptedRegistrations,
  registrationsIn: (values: ReadonlyMap<string, unknown>) => ReadonlyArray<Registration>,
): Effect.fn.Return<RegistrationChanges, never, Scope.Scope> {
  const scope = yield* Effect.scope
  let isRemovalQueued = false
  let isRetrying = false
  let isClosed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      isClosed = true
    }),
  )

  /** Replaces the current registrations, and commits only if the registered models change. */
  const replaceCurrent = (transaction: Transaction, next: ReadonlyArray<AcceptedRegistration>) =>
    Effect.gen(function* () {
      const before = registrationsIn(transaction.current.values)
      const after = inForce(next)
      if (before.length !== after.length || before.some((registration, index) => registration !== after[index])) {
        const prepared = yield* transaction.prepare(new Map([[ModelRegistrations.key, after]]))
        yield* prepared.commit([])
      }
      registrations.current = next
    })

  const add: RegistrationChanges["add"] = (accepted) => (transaction) =>
    Effect.suspend(() => (accepted.withdrawn ? Effect.void : replaceCurrent(transaction, registrations.with(accepted))))

  const removeWithdrawn = (transaction: Transaction): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() => {
      isRemovalQueued = false
      const { withdrawn } = registrations
      return replaceCurrent(transaction, registrations.remaining).pipe(
        Effect.andThen(
          Effect.sync(() => {
            for (const accepted of withdrawn) registrations.release(accepted)
          }),
        ),
        Effect.catch((refused) =>
          Effect.logWarning(`Models of closed registrations stay until the next change: ${refused.message}`).pipe(
            Effect.andThen(retryAfter(transaction.current.number)),
          ),
        ),
      )
    })

  // One queued change removes all withdrawn registrations.
  const queueRemoval = Effect.suspend(() => {
    if (isRemovalQueued) return Effect.void
    isRemovalQueued = true
    return Effect.onError(reconciler.runLater(removeWithdrawn), () =>
      Effect.sync(() => {
        isRemovalQueued = false
      }),
    )
  })

  const retryAfter = (generation: number) =>
    Effect.suspend(() => {
      if (isRetrying) return Effect.void
      isRetrying = true
      return reconciler.generations.pipe(
        Stream.filter(({ number }) => number > generation),
        Stream.take(1),
        Stream.runDrain,
        Effect.andThen(
          Effect.suspend(() => {
            isRetrying = false
            return queueRemoval
          }),
        ),
        Effect.forkIn(scope),
        Effect.asVoid,
      )
    })

  const withdraw: RegistrationChanges["withdraw"] = (accepted) =>
    Effect.suspend(() => {
      // A Scope may outlive the host that it registered with. Its table no longer exists.
      if (accepted.withdrawn || isClosed) return Effect.void
      accepted.withdrawn = true
      return queueRemoval
    })

  return { add, withdraw }
})
