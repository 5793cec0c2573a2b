/**
 * One queue, one change at a time. A change prepares a candidate generation (everything that depends on the changed values is built
 * beside the old), does what must be done on disk, commits by one assignment, publishes, and lets go of what nobody holds any more.
 */
import type { Effect, Scope, Stream } from "effect"
import { Context } from "effect"
import type { Busy } from "./ConfigError.ts"
import type { AnyEvent } from "./Event.ts"

/** Every setting's value (by the setting's id; a ConfigStore's snapshot by the store's id). Immutable. */
export interface Generation {
  /** 1, 2, 3 … : one for each commit. */
  readonly number: number
  /** The configuration revision in force in it; 0 before the first. */
  readonly revision: number
  readonly values: ReadonlyMap<string, unknown>
}

/** A candidate could not be built. Nothing has changed. */
export interface PrepareFailed {
  readonly _tag: "PrepareFailed"
  readonly failures: ReadonlyArray<{ readonly node: string; readonly message: string }>
}

/** A candidate that stands beside the current generation. Dropped without a trace when its Scope closes uncommitted. */
export interface Prepared {
  readonly generation: Generation
  /** Names of the services that were built for it. */
  readonly rebuilt: ReadonlyArray<string>
  /** One assignment, then one `publishAll` of these events and what observers add, then release of unpinned generations in the background. Cannot fail. */
  readonly commit: (events: ReadonlyArray<AnyEvent>) => Effect.Effect<void>
}

export interface Transaction {
  readonly current: Generation
  /** Builds all that depends on the values that differ from the current ones (by `Object.is`), in parallel, within the deadline. */
  readonly prepare: (
    values: ReadonlyMap<string, unknown>,
    options?: { readonly revision?: number },
  ) => Effect.Effect<Prepared, PrepareFailed, Scope.Scope>
}

export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** Changes that wait or are under way. At most 64, then `Busy`. */
    readonly queued: Effect.Effect<number>
    /**
     * Runs the change in the Reconciler's own fiber, after those before it; a caller that goes away only stops waiting.
     * `whenFull: "wait"` is for changes owed to nobody (hints, scoped registrations).
     */
    readonly run: <A, E>(
      change: (transaction: Transaction) => Effect.Effect<A, E, Scope.Scope>,
      options?: { readonly whenFull?: "busy" | "wait" },
    ) => Effect.Effect<A, E | Busy>
    /** The generation in force for new work. */
    readonly current: Effect.Effect<Generation>
    /** The current generation first, then those committed; a slow follower skips intermediate ones, never the last. */
    readonly generations: Stream.Stream<Generation>
    /** Adds events to every commit, computed from what changes. Lasts as long as the Scope. */
    readonly observe: (
      describe: (before: Generation, after: Generation) => ReadonlyArray<AnyEvent>,
    ) => Effect.Effect<void, never, Scope.Scope>
  }
>()("@signalbox/core/Reconciler") {}
