/** The generation in force, and streams that follow it. A slow follower skips intermediate generations, never the last. */
import { Deferred, Effect, Exit, type Scope, Stream } from "effect"

/** The values of all settings by their ids, and the snapshot of a ConfigStore by the store's id. Immutable. */
export interface Generation {
  /** 1, 2, 3 …, one for each commit; 0 before the first. */
  readonly number: number
  /** The configuration revision in force; 0 before the first. A process with a second ConfigStore would mix both revisions here. */
  readonly revision: number
  readonly values: ReadonlyMap<string, unknown>
}

export interface Generations {
  current: Generation
  /** Wakes the followers, after the events of the commit were published. */
  readonly wake: Effect.Effect<void>
  readonly stream: Stream.Stream<Generation>
}

/** The streams end when the Scope closes. */
export const makeGenerations: Effect.Effect<Generations, never, Scope.Scope> = Effect.gen(function* () {
  let next = Deferred.makeUnsafe<boolean>()
  const signal = (open: boolean) =>
    Effect.sync(() => {
      const woken = next
      next = Deferred.makeUnsafe()
      if (!open) Deferred.doneUnsafe(next, Exit.succeed(false))
      Deferred.doneUnsafe(woken, Exit.succeed(open))
    })
  yield* Effect.addFinalizer(() => signal(false))

  const following = (seen: number): Effect.Effect<readonly [Generation, number] | undefined> =>
    Effect.suspend(() => {
      const { current } = self
      if (current.number !== seen) return Effect.succeed([current, current.number] as const)
      return Effect.flatMap(Deferred.await(next), (open) => (open ? following(seen) : Effect.undefined))
    })

  const self: Generations = {
    current: { number: 0, revision: 0, values: new Map() },
    wake: signal(true),
    stream: Stream.unfold(-1, following),
  }
  return self
})
