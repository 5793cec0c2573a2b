/** How registrations come into the table and leave it: as changes of the Reconciler, each in its turn. */
import { Effect, type Scope, Stream } from "effect"
import { ModelRegistrations, type Registration } from "../../ModelSettings.ts"
import type { PrepareFailed, Reconciler, Transaction } from "../../Reconciler.ts"
import { type AcceptedRegistration, type AcceptedRegistrations, inForce } from "./AcceptedRegistrations.ts"

export interface RegistrationChanges {
  readonly add: (
    entry: AcceptedRegistration,
  ) => (transaction: Transaction) => Effect.Effect<void, PrepareFailed, Scope.Scope>
  /** Does not wait: a Scope's finalizers call it, and the change under way may be what closes the Scope. */
  readonly withdraw: (entry: AcceptedRegistration) => Effect.Effect<void>
}

export const makeRegistrationChanges = Effect.fnUntraced(function* (
  reconciler: Reconciler["Service"],
  entries: AcceptedRegistrations,
  registrationsIn: (values: ReadonlyMap<string, unknown>) => ReadonlyArray<Registration>,
): Effect.fn.Return<RegistrationChanges, never, Scope.Scope> {
  const scope = yield* Effect.scope
  let dropQueued = false
  let retrying = false
  let closed = false
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      closed = true
    }),
  )

  /** Makes these the entries, with a commit only if that changes what is registered. */
  const replaceEntries = (transaction: Transaction, next: ReadonlyArray<AcceptedRegistration>) =>
    Effect.gen(function* () {
      const before = registrationsIn(transaction.current.values)
      const after = inForce(next)
      if (before.length !== after.length || before.some((registration, index) => registration !== after[index])) {
        const prepared = yield* transaction.prepare(new Map([[ModelRegistrations.key, after]]))
        yield* prepared.commit([])
      }
      entries.current = next
    })

  const add: RegistrationChanges["add"] = (entry) => (transaction) =>
    Effect.suspend(() => (entry.gone ? Effect.void : replaceEntries(transaction, entries.with(entry))))

  const drop = (transaction: Transaction): Effect.Effect<void, never, Scope.Scope> =>
    Effect.suspend(() => {
      dropQueued = false
      const { leaving } = entries
      return replaceEntries(transaction, entries.remaining).pipe(
        Effect.andThen(
          Effect.sync(() => {
            for (const entry of leaving) entries.free(entry)
          }),
        ),
        Effect.catch((refused) =>
          Effect.logWarning(`Models of closed registrations stay until the next change: ${refused.message}`).pipe(
            Effect.andThen(retryAfter(transaction.current.number)),
          ),
        ),
      )
    })

  // All that are gone leave together, so one such change in the queue is enough.
  const requestDrop = Effect.suspend(() => {
    if (dropQueued) return Effect.void
    dropQueued = true
    return Effect.onError(reconciler.runLater(drop), () =>
      Effect.sync(() => {
        dropQueued = false
      }),
    )
  })

  const retryAfter = (generation: number) =>
    Effect.suspend(() => {
      if (retrying) return Effect.void
      retrying = true
      return reconciler.generations.pipe(
        Stream.filter(({ number }) => number > generation),
        Stream.take(1),
        Stream.runDrain,
        Effect.andThen(
          Effect.suspend(() => {
            retrying = false
            return requestDrop
          }),
        ),
        Effect.forkIn(scope),
        Effect.asVoid,
      )
    })

  const withdraw: RegistrationChanges["withdraw"] = (entry) =>
    Effect.suspend(() => {
      // A Scope may outlive the host that it registered with; then there is nothing left to leave.
      if (entry.gone || closed) return Effect.void
      entry.gone = true
      return requestDrop
    })

  return { add, withdraw }
})
