/** One running graph: its start, and its part in every change of the Reconciler after that. */
import { Context, Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import type { AnyEvent } from "../../Event.ts"
import { EventBus } from "../../EventBus.ts"
import { type Generation, type Participant, PrepareFailed, Reconciler, type Transaction } from "../../Reconciler.ts"
import { ServiceRebuilt, ServiceReleased } from "../../ServiceEvents.ts"
import type { Shape as SettingShape } from "../../Setting.ts"
import { failureMessage } from "../FailureMessage.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import { type Builder, type BuildFailed, makeBuilder } from "./Builder.ts"
import { BuiltGeneration, type Pin, takePin } from "./BuiltGeneration.ts"
import { type LiveGenerations, makeLiveGenerations } from "./LiveGenerations.ts"
import { type AnyDeclaration, type AnyKey, type Instance, makePlan, type Plan } from "./Plan.ts"
import { endsWithin, makeReleases, type Releases } from "./Releases.ts"
import { type Status, statusOf } from "./Status.ts"

export interface Engine {
  readonly state: EngineState
  readonly live: LiveGenerations
  /** Builds the first generation, makes it current, and takes part in every change from then on. */
  readonly start: Effect.Effect<void, BuildFailed>
  /** Waits until there is a generation to pin. */
  readonly ready: Effect.Effect<void>
  readonly pin: Effect.Effect<Pin, never, Scope.Scope>
  readonly status: Effect.Effect<Status>
  /** The number of instances that are ready, being built or being released, in all generations. */
  readonly size: Effect.Effect<number>
}

/** The state that the parts of an engine share. */
interface EngineState {
  readonly id: string
  readonly bus: EventBus["Service"]
  readonly reconciler: Reconciler["Service"]
  readonly live: LiveGenerations
  readonly releases: Releases
  readonly builder: Builder
  /** A candidate beside the current generation. The Scope releases it unless it has become current. */
  readonly candidate: (
    generation: Generation,
    previous: Plan | undefined,
  ) => Effect.Effect<BuiltGeneration, never, Scope.Scope>
  readonly served: Deferred.Deferred<void>
  /** The last attempt to start, for the status. */
  attempt: { readonly plan: Plan; readonly failures: BuildFailed["failures"] } | undefined
  closed: boolean
}

export const makeEngine = (options: {
  readonly id: string
  readonly declarations: ReadonlyArray<AnyDeclaration>
  readonly drain: Duration.Input
}): Effect.Effect<Engine, never, Scope.Scope | Reconciler | EventBus> =>
  Effect.gen(function* () {
    const { declarations, id } = options
    const [bus, reconciler] = [yield* EventBus, yield* Reconciler]
    // The types of the nodes hold and check what the layers need.
    const context = yield* Effect.context<any>()
    const scope = Scope.makeUnsafe()
    const live = yield* makeLiveGenerations({
      graph: id,
      drain: Duration.fromInputUnsafe(options.drain),
      context,
      scope,
    })
    const onReleased = ({ released, name, recipe }: Instance) =>
      state.closed || released === undefined || recipe._tag === "collection"
        ? Effect.void
        : bus.publish(new ServiceReleased({ service: name, ...released }))
    const releases = makeReleases(onReleased)
    const state: EngineState = {
      id,
      bus,
      reconciler,
      live,
      releases,
      builder: yield* Scope.provide(makeBuilder({ context, releases }), scope),
      candidate: (generation, previous) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const plan = makePlan(declarations, generation.number, valuesIn(generation, context), previous)
            return new BuiltGeneration(generation, plan, Scope.forkUnsafe(scope))
          }),
          (built) => discard(live, built),
        ),
      served: Deferred.makeUnsafe(),
      attempt: undefined,
      closed: false,
    }
    const participant = participantOf(state)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        state.closed = true
        live.current = undefined
        Deferred.doneUnsafe(state.served, Exit.interrupt())
        return Effect.andThen(reconciler.detach(participant), close(id, scope, releases))
      }),
    )
    return engineOf(state, participant, declarations)
  })

/** Also ends if several finalizers hang, or a layer that is being built. */
const close = (id: string, scope: Scope.Closeable, { unfinished }: Releases): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (yield* endsWithin(Scope.close(scope, Exit.void), closeLimit)) return
    const names = Array.from(unfinished.keys(), ({ name }) => name)
    yield* Effect.logWarning(
      `${id} was closed by force: not everything was released within ${Duration.format(closeLimit)}${names.length === 0 ? "" : ` (${names.join(", ")})`}`,
    )
  })
const closeLimit = Duration.seconds(25)

const engineOf = (
  state: EngineState,
  participant: Participant,
  declarations: ReadonlyArray<AnyDeclaration>,
): Engine => {
  const { builder, live, releases } = state
  const ready = Effect.suspend(() => (state.closed ? Effect.interrupt : Deferred.await(state.served)))
  const pinNow = Effect.acquireRelease(
    Effect.withFiber<Pin>((fiber) => {
      const pin = takePin(live, fiber.context)
      return pin === undefined ? Effect.interrupt : Effect.succeed(pin)
    }),
    (pin) => Effect.sync(() => pin.end()),
  )
  return {
    state,
    live,
    start: startOf(state, participant),
    ready,
    pin: Effect.suspend(() => (live.current === undefined ? Effect.andThen(ready, pinNow) : pinNow)),
    size: builder.size,
    status: Effect.clockWith((clock) =>
      Effect.succeed(
        statusOf({
          declarations,
          plan: live.current?.plan ?? state.attempt?.plan,
          failures: state.attempt?.failures ?? [],
          live: live.all,
          unfinished: releases.unfinished,
          now: clock.currentTimeMillisUnsafe(),
        }),
      ),
    ).pipe(Effect.withSpan("ServiceGraph.status", { attributes: { "graph.id": state.id } })),
  }
}

const participantOf = (state: EngineState): Participant => ({
  prepare: (generation) =>
    Effect.gen(function* () {
      const { builder, live } = state
      const previous = live.current
      const built = yield* state.candidate(generation, previous?.plan)
      yield* Effect.mapError(builder.build(built), (failed) => toPrepareFailed(failed, generation, live))
      const rebuilt = built.plan.fresh.filter(({ recipe }) => recipe._tag === "layer")
      return {
        rebuilt: rebuilt.map(({ name }) => name),
        commit: () => {
          live.serve(built)
          return rebuilt.map((instance) => rebuiltEvent(instance, generation))
        },
        afterCommit: Effect.sync(() => live.afterCommit(previous)),
      }
    }).pipe(withOpaqueSpan("ServiceGraph.prepare", { attributes: { "graph.id": state.id } })),
})

const startOf = (state: EngineState, participant: Participant): Engine["start"] =>
  Effect.gen(function* () {
    const { builder, candidate, live, reconciler } = state
    const generation = yield* reconciler.current
    // Not as a change: a slow start must not delay changes, and its layers may make changes of their own.
    const first = yield* candidate(generation, undefined)
    state.attempt = { plan: first.plan, failures: [] }
    yield* builder.build(first)
    const serve = Effect.fnUntraced(function* (transaction: Transaction) {
      // Most of its instances are already built.
      const built = transaction.current === generation ? first : yield* candidate(transaction.current, first.plan)
      if (built !== first) yield* builder.build(built)
      yield* transaction.attach(participant)
      // The caller may have been interrupted, also between these two steps.
      if (state.closed || built.state !== "candidate") {
        return yield* Effect.andThen(reconciler.detach(participant), Effect.interrupt)
      }
      live.serve(built)
      state.attempt = undefined
      Deferred.doneUnsafe(state.served, Exit.void)
    })
    yield* reconciler.run(serve, { whenFull: "wait" })
  }).pipe(Effect.scoped)

/** The values that the layers read. A setting reads its own from the generation; a constant setting ignores the generation. */
const valuesIn =
  ({ values }: Generation, context: Context.Context<any>) =>
  (key: AnyKey): unknown => {
    const service: unknown = Context.getOrUndefined(context, key)
    return isSetting(service) ? service["~signalbox/Setting"].valueIn(values) : values.get(key.key)
  }

const isSetting = (service: unknown): service is SettingShape<unknown> =>
  typeof service === "object" && service !== null && "~signalbox/Setting" in service

/**
 * The failure as a refused change reports it. A layer may quote secrets of the old generations too, which are still in use, and secrets that
 * changed while it was being built.
 */
export const toPrepareFailed = (failed: BuildFailed, { values }: Generation, live: LiveGenerations): PrepareFailed => {
  const settings = [values, ...Array.from(live.all, ({ generation }) => generation.values)].flatMap((all) => [
    ...all.values(),
  ])
  return new PrepareFailed({
    failures: failed.failures.map(({ cause, instance }) => ({
      node: instance.name,
      message: failureMessage(cause, [...settings, ...instance.inputs]),
    })),
  })
}

const rebuiltEvent = ({ buildMillis, name }: Instance, { number, revision }: Generation): AnyEvent =>
  new ServiceRebuilt({ service: name, revision, generation: number, durationMillis: buildMillis })

/** Waits for the release, because the next change may need the same resources. A finalizer that hangs must not block the queue. */
const discard = (live: LiveGenerations, built: BuiltGeneration): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (built.state !== "candidate") return Effect.void
    live.release(built)
    return built.releasing === undefined
      ? Effect.void
      : Fiber.await(built.releasing).pipe(Effect.timeoutOption(maxDiscard), Effect.interruptible, Effect.asVoid)
  })
const maxDiscard = "1 second"
