/**
 * One queue, one change at a time. A change prepares a candidate generation (everything that depends on the changed values is built
 * beside the old), does what must be done on disk, commits by one assignment, publishes, and lets go of what nobody holds any more.
 * A change that fails before its commit leaves no trace; after its commit nothing in it can fail.
 */
import { type Cause, Context, type Duration, Effect, Layer, Result, Schema, type Scope, type Stream } from "effect"
import type { Busy } from "./ConfigError.ts"
import type { AnyEvent } from "./Event.ts"
import { EventBus } from "./EventBus.ts"
import { makeQueue } from "./internal/ChangeQueue.ts"
import { type Generation, type Generations, makeGenerations } from "./internal/Reconciler/Generations.ts"

export type { Generation } from "./internal/Reconciler/Generations.ts"

/** A candidate could not be built. Nothing has changed. Messages are bounded and hold no `Redacted` value of any setting. */
export class PrepareFailed extends Schema.TaggedError<PrepareFailed>()("PrepareFailed", {
  failures: Schema.Array(Schema.Struct({ node: Schema.String, message: Schema.String })),
}) {
  override get message(): string {
    return this.failures.map(({ message, node }) => `${node}: ${message}`).join("; ")
  }
}

/** A candidate that stands beside the current generation. Dropped without a trace when the change's Scope closes uncommitted. */
export interface Prepared {
  readonly generation: Generation
  /** Names of the services that were built for it. */
  readonly rebuilt: ReadonlyArray<string>
  /**
   * One assignment, then one `publishAll` of these events and what observers and services add, then release of unpinned generations in
   * the background. Uninterruptible; cannot fail. Once, and only while nothing else was committed since `prepare`: else a defect.
   */
  readonly commit: (events: ReadonlyArray<AnyEvent>) => Effect.Effect<void>
}

/** What a change can do while its turn lasts. */
export interface Transaction {
  /** The generation in force; read it each time, a commit replaces it. */
  readonly current: Generation
  /**
   * The current values with these put over them, and all that depends on a value that differs (by `Object.is`) built for them, in
   * parallel, within `PrepareDeadline`.
   */
  readonly prepare: (
    values: ReadonlyMap<string, unknown>,
    options?: { readonly revision?: number },
  ) => Effect.Effect<Prepared, PrepareFailed, Scope.Scope>
  /** Takes part in every later change, from the generation that is in force now. */
  readonly attach: (participant: Participant) => Effect.Effect<void>
}

/** Who builds something for every generation: a ServiceGraph. */
export interface Participant {
  /** What is built and not committed is released by finalizers of the change's Scope. */
  readonly prepare: (candidate: Generation) => Effect.Effect<Contribution, PrepareFailed, Scope.Scope>
}

/** What a participant has built for a candidate. */
export interface Contribution {
  readonly rebuilt: ReadonlyArray<string>
  /** Called in the same synchronous step as the assignment; answers the events that follow from it. Must not throw. */
  readonly commit: () => ReadonlyArray<AnyEvent>
  /** Runs after the events are out, in the Reconciler's fiber: must not wait. */
  readonly settle: Effect.Effect<void>
}

/** The values that a fiber must see whatever is committed meanwhile: a request's pinned generation, or what a node is being built from. */
export interface Pinned {
  /** `undefined` once the pin has ended. */
  readonly values: ReadonlyMap<string, unknown> | undefined
}
/** Set by a graph's `provide`, `provideStream` and `pin`, and while a node is built; `Setting.get` asks it. */
export const PinnedValues = Context.Reference<Pinned | undefined>("@signalbox/core/Reconciler/PinnedValues", {
  defaultValue: () => undefined,
})

/**
 * How long building for one candidate may take. Default 30 seconds. Provide it beneath the Reconciler, in whose fiber changes run, and
 * beneath the graphs, which build their first generation in their own.
 */
export const PrepareDeadline = Context.Reference<Duration.Input>("@signalbox/core/Reconciler/PrepareDeadline", {
  defaultValue: () => "30 seconds",
})

/** The queue of changes and the generations that they make. A host provides it; who owns a setting, or builds for generations, calls it. */
export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** Changes that wait or are under way. At most 64, then `Busy`. */
    readonly queued: Effect.Effect<number>
    /**
     * Runs the change in the Reconciler's own fiber, after those before it; a caller that goes away only stops waiting. What the change
     * dies of, its caller dies of. When the Reconciler is shut down, callers that wait are interrupted.
     * `whenFull: "wait"` is for changes owed to nobody (hints, scoped registrations).
     * Called from within a change or a layer that one builds, it dies: it would wait for itself. There, `runLater`; in a layer also a fiber
     * forked in its Scope, as for a ConfigStore's writes.
     */
    readonly run: {
      <A, E>(
        change: (transaction: Transaction) => Effect.Effect<A, E, Scope.Scope>,
        options: { readonly whenFull: "wait" },
      ): Effect.Effect<A, E>
      <A, E>(
        change: (transaction: Transaction) => Effect.Effect<A, E, Scope.Scope>,
        options?: { readonly whenFull?: "busy" | "wait" },
      ): Effect.Effect<A, E | Busy>
    }
    /**
     * Queues the change and does not wait for it; its defects are logged. Waits for room in the queue, except within a change, where
     * 1,024 may stand behind the queue.
     */
    readonly runLater: (
      change: (transaction: Transaction) => Effect.Effect<void, never, Scope.Scope>,
    ) => Effect.Effect<void>
    /** Whether a change is under way that this fiber works for: there, use `runLater`. */
    readonly inChange: Effect.Effect<boolean>
    /** The generation in force for new work. */
    readonly current: Effect.Effect<Generation>
    /** One value: of this fiber's pinned generation, else of the current one. That its owner has put none in yet is a defect. */
    readonly read: (key: string) => Effect.Effect<any>
    /** The current generation first, then those committed, each after its events; a slow follower skips intermediate ones, never the last. */
    readonly generations: Stream.Stream<Generation>
    /** Adds events to every commit, computed from what changes. Lasts as long as the Scope. */
    readonly observe: (
      describe: (before: Generation, after: Generation) => ReadonlyArray<AnyEvent>,
    ) => Effect.Effect<void, never, Scope.Scope>
    /** The participant takes no part any more; at once, also in the change under way. */
    readonly detach: (participant: Participant) => Effect.Effect<void>
  }
>()("@signalbox/core/Reconciler") {
  static readonly layer: Layer.Layer<Reconciler, never, EventBus> = Layer.effect(
    Reconciler,
    Effect.gen(function* () {
      const bus = yield* EventBus
      const queue = yield* makeQueue
      const generations = yield* makeGenerations
      const observers = new Set<Observer>()
      const participants = new Set<Participant>()

      const transaction = makeTransaction({ bus, generations, observers, participants })

      return Reconciler.of({
        queued: queue.size,
        run: <A, E>(
          change: (transaction: Transaction) => Effect.Effect<A, E, Scope.Scope>,
          options: { readonly whenFull?: "busy" | "wait" } = {},
        ) =>
          // The overloads say what `whenFull: "wait"` means for the errors: never `Busy`.
          queue.run(
            Effect.suspend(() => change(transaction)),
            options.whenFull ?? "busy",
          ) as Effect.Effect<A, E>,
        runLater: (change) => queue.runLater(Effect.suspend(() => change(transaction))),
        inChange: queue.inChange,
        current: Effect.sync(() => generations.current),
        read: (key) =>
          Effect.withFiber((fiber) => {
            const pinned = fiber.getRef(PinnedValues)?.values
            const values = pinned?.has(key) ? pinned : generations.current.values
            return values.has(key)
              ? Effect.succeed(values.get(key))
              : Effect.die(new Error(`${key} has no value yet: its owner commits one before it offers the service`))
          }),
        generations: generations.stream,
        observe: (describe) => {
          const observer: Observer = { describe }
          return Effect.acquireRelease(
            Effect.sync(() => void observers.add(observer)),
            () => Effect.sync(() => void observers.delete(observer)),
          )
        },
        detach: (participant) => Effect.sync(() => void participants.delete(participant)),
      })
    }),
  )
}

interface Observer {
  readonly describe: (before: Generation, after: Generation) => ReadonlyArray<AnyEvent>
}

/** What the changes of one Reconciler share. */
interface State {
  readonly bus: EventBus["Service"]
  readonly generations: Generations
  readonly observers: ReadonlySet<Observer>
  readonly participants: Set<Participant>
}

const makeTransaction = (state: State): Transaction => ({
  get current() {
    return state.generations.current
  },
  attach: (participant) => Effect.sync(() => void state.participants.add(participant)),
  prepare: (values, options) =>
    Effect.gen(function* () {
      const before = state.generations.current
      const after: Generation = {
        number: before.number + 1,
        revision: options?.revision ?? before.revision,
        values: new Map([...before.values, ...values]),
      }
      const results = yield* Effect.forEach(
        state.participants,
        (participant) =>
          Effect.map(Effect.result(participant.prepare(after)), (result) => [participant, result] as const),
        { concurrency: "unbounded" },
      )
      // One that was detached meanwhile does not refuse either.
      const taking = results.filter(([participant]) => state.participants.has(participant))
      const failures = taking.flatMap(([, result]) => (Result.isFailure(result) ? result.failure.failures : []))
      if (failures.length > 0) return yield* new PrepareFailed({ failures })
      const contributions = taking.flatMap(([participant, result]) =>
        Result.isSuccess(result) ? [[participant, result.success] as const] : [],
      )
      const candidate: Candidate = { before, after, contributions, stands: true }
      yield* Effect.addFinalizer(() => Effect.sync(() => (candidate.stands = false)))
      return {
        generation: after,
        rebuilt: contributions.flatMap(([, contribution]) => contribution.rebuilt),
        commit: (events) => commit(state, candidate, events),
      }
    }),
})

interface Candidate {
  readonly before: Generation
  readonly after: Generation
  readonly contributions: ReadonlyArray<readonly [Participant, Contribution]>
  /** Neither committed nor released. */
  stands: boolean
}

const commit = (state: State, candidate: Candidate, events: ReadonlyArray<AnyEvent>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { bus, generations, observers, participants } = state
    const { after, before, contributions } = candidate
    if (!candidate.stands || generations.current !== before) return Effect.die(new Error(stale))
    candidate.stands = false
    generations.current = after
    const taking = contributions.flatMap(([participant, part]) => (participants.has(participant) ? [part] : []))
    const rebuilt = taking.flatMap((part) => part.commit())
    const { defects, described } = describe(observers, before, after)
    const steps = [
      ...defects.map((defect) => Effect.logError("An observer of commits has failed", defect)),
      bus.publishAll([...events, ...described, ...rebuilt], { revision: after.revision }),
      generations.wake,
      ...taking.map((part) => part.settle),
    ]
    // It has taken place: whatever goes wrong now is nobody's answer.
    return Effect.forEach(steps, Effect.catchCause(logAfterCommit), { discard: true })
  }).pipe(Effect.uninterruptible)

const logAfterCommit = (cause: Cause.Cause<never>) =>
  Effect.logError("A change is in force, but not all that follows from it was done", cause)

const stale =
  "a candidate can be committed once, within its change, and only while nothing else was committed since it was prepared"

/** An observer that throws loses its own events only: the commit has taken place. */
const describe = (observers: Iterable<Observer>, before: Generation, after: Generation) => {
  const described: Array<AnyEvent> = []
  const defects: Array<unknown> = []
  for (const observer of observers) {
    try {
      described.push(...observer.describe(before, after))
    } catch (defect) {
      defects.push(defect)
    }
  }
  return { described, defects }
}
