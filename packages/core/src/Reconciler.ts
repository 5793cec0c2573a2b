/**
 * The queue of changes: one runs at a time. A change prepares a candidate generation (it builds everything that depends on the changed values
 * beside the old), writes to disk if it must, commits by one assignment, publishes, and releases what no request holds any more. A change that
 * fails before its commit leaves no trace. After its commit it cannot fail.
 */
import { type Cause, Context, type Duration, Effect, Layer, Result, Schema, type Scope, type Stream } from "effect"
import type { Busy } from "./ConfigError.ts"
import type { AnyEvent } from "./Event.ts"
import { EventBus } from "./EventBus.ts"
import { makeQueue } from "./internal/ChangeQueue.ts"
import { type Generation, type Generations, makeGenerations } from "./internal/Reconciler/Generations.ts"

export type { Generation } from "./internal/Reconciler/Generations.ts"

/** A candidate could not be built; nothing has changed. Messages are bounded and hold no `Redacted` value of any setting. */
export class PrepareFailed extends Schema.TaggedError<PrepareFailed>()("PrepareFailed", {
  failures: Schema.Array(Schema.Struct({ node: Schema.String, message: Schema.String })),
}) {
  override get message(): string {
    return this.failures.map(({ message, node }) => `${node}: ${message}`).join("; ")
  }
}

/** A candidate, fully built beside the current generation. If it is not committed, the change's Scope releases all of it. */
export interface Prepared {
  readonly generation: Generation
  /** The names of the services that were built for it. */
  readonly rebuilt: ReadonlyArray<string>
  /**
   * Makes the candidate the current generation.
   *
   * **Details**
   *
   * One assignment, then one `publishAll` of these events and those that observers and services add, then the release of generations without a
   * pin in the background. Uninterruptible, and cannot fail. A second commit, or a commit after another candidate was committed, is a defect.
   */
  readonly commit: (events: ReadonlyArray<AnyEvent>) => Effect.Effect<void>
}

/** The operations of a change while it runs. */
export interface Transaction {
  /** The generation in force. A commit replaces it: read it again each time. */
  readonly current: Generation
  /**
   * Builds a candidate: the current values with these in place of theirs, and everything that depends on a value that differs (by `Object.is`),
   * in parallel, within `PrepareDeadline`.
   */
  readonly prepare: (
    values: ReadonlyMap<string, unknown>,
    options?: { readonly revision?: number },
  ) => Effect.Effect<Prepared, PrepareFailed, Scope.Scope>
  /** Adds a participant, which takes part in every later change. */
  readonly attach: (participant: Participant) => Effect.Effect<void>
}

/** Builds services for every generation: a ServiceGraph. */
export interface Participant {
  /** Finalizers of the change's Scope release what is built and not committed. */
  readonly prepare: (candidate: Generation) => Effect.Effect<Contribution, PrepareFailed, Scope.Scope>
}

/** The services that a participant has built for a candidate. */
export interface Contribution {
  readonly rebuilt: ReadonlyArray<string>
  /** Called in the same synchronous step as the assignment. Returns the events that follow from it. Must not throw. */
  readonly commit: () => ReadonlyArray<AnyEvent>
  /** Runs after the events were published, in the Reconciler's fiber: must not wait. */
  readonly afterCommit: Effect.Effect<void>
}

/** The values that a fiber reads in place of the current ones: those of a request's pinned generation, or the inputs of a node that is being built. */
export interface Pinned {
  /** `undefined` once the pin has ended. */
  readonly values: ReadonlyMap<string, unknown> | undefined
}
/** Set by a graph's `provide`, `provideStream` and `pin`, and while a node is built. `Setting.get` reads it. */
export const PinnedValues = Context.Reference<Pinned | undefined>("@signalbox/core/Reconciler/PinnedValues", {
  defaultValue: () => undefined,
})

/**
 * The longest time that building one candidate may take. Default: 30 seconds. Provide it to the Reconciler, in whose fiber changes run, and to
 * the graphs, which build their first generation in a fiber of their own.
 */
export const PrepareDeadline = Context.Reference<Duration.Input>("@signalbox/core/Reconciler/PrepareDeadline", {
  defaultValue: () => "30 seconds",
})

/**
 * The queue of changes and the generations that they make. A host provides it. Owners of settings and ServiceGraphs call it.
 *
 * **Example** (Changing a value that a plugin owns)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { EventBus, Reconciler, Setting } from "@signalbox/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Plugins extends Setting.Service<Plugins>()("app/Plugins", Schema.Array(Schema.String)) {}
 *
 * const program = Effect.gen(function* () {
 *   const reconciler = yield* Reconciler
 *   yield* reconciler.run((transaction) =>
 *     Effect.flatMap(transaction.prepare(new Map([[Plugins.key, ["search"]]])), (prepared) => prepared.commit([]))
 *   )
 *   return (yield* Plugins.get)[0]
 * })
 *
 * const layer = Layer.provideMerge(Setting.layerFrom(Plugins, []), Layer.provideMerge(Reconciler.layer, EventBus.layer))
 * strictEqual(await Effect.runPromise(Effect.provide(program, layer)), "search")
 * ```
 */
export class Reconciler extends Context.Service<
  Reconciler,
  {
    /** The number of changes that wait or run, at most 64. */
    readonly queued: Effect.Effect<number>
    /**
     * Runs the change in the Reconciler's own fiber, after the changes before it.
     *
     * **Details**
     *
     * An interrupted caller stops waiting; its change still runs. A defect of the change is a defect of its caller. When the Reconciler shuts
     * down, waiting callers are interrupted. If 64 changes wait, it fails with `Busy`. `whenFull: "wait"` waits for room instead; use it for
     * changes without a caller that could try again (hints, scoped registrations).
     *
     * **Gotchas**
     *
     * Within a change, or within a layer that a change builds, it would wait for itself and dies. Use `runLater` there, or fork it in the
     * layer's Scope.
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
     * Queues the change without waiting for its end. Its defects are logged. Waits for room in the queue, except within a change, which may
     * add up to 1,024 changes to a full queue.
     */
    readonly runLater: (
      change: (transaction: Transaction) => Effect.Effect<void, never, Scope.Scope>,
    ) => Effect.Effect<void>
    /** Whether this fiber works for a change that runs now: use `runLater` then. */
    readonly inChange: Effect.Effect<boolean>
    /** The generation that new requests use. */
    readonly current: Effect.Effect<Generation>
    /** Returns one value of this fiber's pinned generation, else of the current one. A value that its owner has not committed yet is a defect. */
    readonly read: (key: string) => Effect.Effect<any>
    /** The current generation first, then each committed one, after its events. A slow follower skips intermediate ones, never the last. */
    readonly generations: Stream.Stream<Generation>
    /** Adds events to every commit, computed from both generations, as long as the Scope lasts. */
    readonly observe: (
      describe: (before: Generation, after: Generation) => ReadonlyArray<AnyEvent>,
    ) => Effect.Effect<void, never, Scope.Scope>
    /** Removes a participant at once, also from the change that runs now. */
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
          // With `whenFull: "wait"` it never fails with `Busy`, as the overloads state.
          queue.run(
            Effect.suspend(() => change(transaction)),
            options.whenFull ?? "busy",
          ) as Effect.Effect<A, E>,
        runLater: Effect.fn("Reconciler.runLater")((change) =>
          queue.runLater(Effect.suspend(() => change(transaction))),
        ),
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

/** The state that the changes of one Reconciler share. */
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
      // A participant that was removed since then does not refuse the change.
      const attached = results.filter(([participant]) => state.participants.has(participant))
      const failures = attached.flatMap(([, result]) => (Result.isFailure(result) ? result.failure.failures : []))
      if (failures.length > 0) return yield* new PrepareFailed({ failures })
      const contributions = attached.flatMap(([participant, result]) =>
        Result.isSuccess(result) ? [[participant, result.success] as const] : [],
      )
      const candidate: Candidate = { before, after, contributions, state: "prepared" }
      yield* Effect.addFinalizer(() => Effect.sync(() => (candidate.state = "closed")))
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
  /** `closed`: committed or released. */
  state: "prepared" | "closed"
}

const commit = (state: State, candidate: Candidate, events: ReadonlyArray<AnyEvent>): Effect.Effect<void> =>
  Effect.suspend(() => {
    const { bus, generations, observers, participants } = state
    const { after, before, contributions } = candidate
    if (candidate.state === "closed" || generations.current !== before) return Effect.die(new Error(stale))
    candidate.state = "closed"
    generations.current = after
    const attached = contributions.flatMap(([participant, part]) => (participants.has(participant) ? [part] : []))
    const rebuilt = attached.flatMap((part) => part.commit())
    const { defects, described } = describe(observers, before, after)
    const steps = [
      ...defects.map((defect) => Effect.logError("An observer of commits has failed", defect)),
      bus.publishAll([...events, ...described, ...rebuilt], { revision: after.revision }),
      generations.wake,
      ...attached.map((part) => part.afterCommit),
    ]
    // The change is in force: a failure in a later step must not become the caller's failure.
    return Effect.forEach(steps, Effect.catchCause(logAfterCommit), { discard: true })
  }).pipe(Effect.uninterruptible)

const logAfterCommit = (cause: Cause.Cause<never>) =>
  Effect.logError("A change is in force, but a step after its commit has failed", cause)

const stale =
  "a candidate can be committed once, within its change, and only if nothing else was committed since it was prepared"

/** An observer that throws loses only its own events: the change is already in force. */
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
