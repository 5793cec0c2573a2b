/** One graph at work: how it starts, and how it takes part in every change of the Reconciler from then on. */
import { Cause, Context, Deferred, Duration, Effect, Exit, Fiber, Scope, Stream } from "effect"
import type { AnyEvent } from "../../Event.ts"
import { EventBus } from "../../EventBus.ts"
import { type Generation, type Participant, PrepareFailed, Reconciler, type Transaction } from "../../Reconciler.ts"
import { ServiceFailed, ServiceRebuilt, ServiceReleased } from "../../ServiceEvents.ts"
import type { Shape as SettingShape } from "../../Setting.ts"
import { failureMessage } from "../FailureMessage.ts"
import { type Builder, type BuildFailed, makeBuilder } from "./Builder.ts"
import { Built, type Pin, take } from "./Built.ts"
import { type Live, makeLive } from "./Live.ts"
import { type AnyDeclaration, type AnyKey, type Instance, makePlan, type Plan } from "./Plan.ts"
import { type Status, statusOf } from "./Status.ts"

export interface Engine {
  readonly live: Live
  /** Builds and serves the first generation, and takes part from then on. */
  readonly start: Effect.Effect<void, BuildFailed>
  /** Starts, and starts again after each commit, and every 30 seconds, until it serves. */
  readonly keepStarting: Effect.Effect<void>
  /** Waits until there is a generation to pin. */
  readonly ready: Effect.Effect<void>
  readonly pin: Effect.Effect<Pin, never, Scope.Scope>
  readonly status: Effect.Effect<Status>
  /** Instances that stand or are being built or released, in whichever generation. */
  readonly size: Effect.Effect<number>
}

/** What the parts of an engine share. */
interface Works {
  readonly bus: EventBus["Service"]
  readonly reconciler: Reconciler["Service"]
  readonly live: Live
  readonly builder: Builder
  /** A candidate beside the current generation; let go with the Scope unless it serves by then. */
  readonly candidate: (generation: Generation, previous: Plan | undefined) => Effect.Effect<Built, never, Scope.Scope>
  readonly served: Deferred.Deferred<void>
  /** What the status shows until the first generation serves. */
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
    // What the layers need is in the types of the nodes, and checked there.
    const context = yield* Effect.context<any>()
    const scope = Scope.makeUnsafe()
    const live = yield* makeLive({ graph: id, drain: Duration.fromInputUnsafe(options.drain), context, scope })
    const onReleased = ({ letGo, name, recipe }: Instance) =>
      works.closed || letGo === undefined || recipe._tag === "collection"
        ? Effect.void
        : bus.publish(new ServiceReleased({ service: name, ...letGo }))
    const works: Works = {
      bus,
      reconciler,
      live,
      builder: yield* Scope.provide(makeBuilder({ context, onReleased }), scope),
      candidate: (generation, previous) =>
        Effect.acquireRelease(
          Effect.sync(() => {
            const plan = makePlan(declarations, generation.number, valuesIn(generation, context), previous)
            return new Built(generation, plan, Scope.forkUnsafe(scope))
          }),
          (built) => discard(live, built),
        ),
      served: Deferred.makeUnsafe(),
      attempt: undefined,
      closed: false,
    }
    const participant = participantOf(works)
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        works.closed = true
        live.current = undefined
        Deferred.doneUnsafe(works.served, Exit.interrupt())
        return Effect.andThen(reconciler.detach(participant), Scope.close(scope, Exit.void))
      }),
    )
    return engineOf(works, participant, declarations)
  })

const engineOf = (works: Works, participant: Participant, declarations: ReadonlyArray<AnyDeclaration>): Engine => {
  const { builder, live } = works
  const ready = Effect.suspend(() => (works.closed ? Effect.interrupt : Deferred.await(works.served)))
  const pinNow = Effect.acquireRelease(
    Effect.withFiber<Pin>((fiber) => {
      const pin = take(live, fiber.context)
      return pin === undefined ? Effect.interrupt : Effect.succeed(pin)
    }),
    (pin) => Effect.sync(() => pin.end()),
  )
  const start = startOf(works, participant)
  return {
    live,
    start,
    keepStarting: keepStartingOf(works, start),
    ready,
    pin: Effect.suspend(() => (live.current === undefined ? Effect.andThen(ready, pinNow) : pinNow)),
    size: builder.size,
    status: Effect.clockWith((clock) =>
      Effect.succeed(
        statusOf({
          declarations,
          plan: live.current?.plan ?? works.attempt?.plan,
          failures: works.attempt?.failures ?? [],
          live: live.all,
          now: clock.currentTimeMillisUnsafe(),
        }),
      ),
    ),
  }
}

const participantOf = (works: Works): Participant => ({
  prepare: (generation) =>
    Effect.gen(function* () {
      const { builder, live } = works
      const previous = live.current
      const built = yield* works.candidate(generation, previous?.plan)
      yield* Effect.mapError(builder.build(built), (failed) => refusal(failed, generation, live))
      const rebuilt = built.plan.fresh.filter(({ recipe }) => recipe._tag === "layer")
      return {
        rebuilt: rebuilt.map(({ name }) => name),
        commit: () => {
          live.serve(built)
          return rebuilt.map((instance) => rebuiltEvent(instance, generation))
        },
        settle: Effect.sync(() => live.settle(previous)),
      }
    }),
})

const startOf = (works: Works, participant: Participant): Engine["start"] =>
  Effect.gen(function* () {
    const { builder, candidate, live, reconciler } = works
    const generation = yield* reconciler.current
    // Not as a change: what is slow to start must not hold up changes, and its layers may make changes of their own.
    const first = yield* candidate(generation, undefined)
    works.attempt = { plan: first.plan, failures: [] }
    yield* builder.build(first)
    const serve = Effect.fnUntraced(function* (transaction: Transaction) {
      // Most of what it needs stands already.
      const built = transaction.current === generation ? first : yield* candidate(transaction.current, first.plan)
      if (built !== first) yield* builder.build(built)
      yield* transaction.attach(participant)
      // Who started it may have gone away meanwhile, also between these two steps.
      if (works.closed || built.state !== "candidate") {
        return yield* Effect.andThen(reconciler.detach(participant), Effect.interrupt)
      }
      live.serve(built)
      works.attempt = undefined
      Deferred.doneUnsafe(works.served, Exit.void)
    })
    yield* reconciler.run(serve, { whenFull: "wait" })
  }).pipe(Effect.scoped)

const keepStartingOf = (works: Works, start: Engine["start"]): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { bus, reconciler, served } = works
    let said = ""
    while (!(yield* Deferred.isDone(served))) {
      const generation = yield* reconciler.current
      const failed = yield* Effect.match(start, { onFailure: (failed) => failed, onSuccess: () => undefined })
      if (failed === undefined) return
      works.attempt = failed
      const events = refusal(failed, generation, works.live).failures.map(
        ({ message, node }) => new ServiceFailed({ service: node, reason: message }),
      )
      // What is down for a day is no news twice a minute.
      const news = JSON.stringify([generation.number, events])
      if (news !== said) yield* bus.publishAll(events, { revision: generation.revision })
      said = news
      yield* Stream.runHead(Stream.filter(reconciler.generations, ({ number }) => number > generation.number)).pipe(
        Effect.timeoutOption(retryPatience),
      )
    }
  }).pipe(
    // Those who wait for a pin would never hear of it.
    Effect.onError((cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.void
        : Effect.andThen(
            Effect.logError("A graph of services cannot start", cause),
            Deferred.failCause(works.served, cause),
          ),
    ),
  )

// What failed for a reason outside, as a network that is not there yet at boot, may be gone without a change.
const retryPatience = "30 seconds"

/** The values that the layers will read: a setting knows where its own is, a constant one is nowhere. */
const valuesIn =
  ({ values }: Generation, context: Context.Context<any>) =>
  (key: AnyKey): unknown => {
    const service: unknown = Context.getOrUndefined(context, key)
    return isSetting(service) ? service["~signalbox/Setting"].valueIn(values) : values.get(key.key)
  }

const isSetting = (service: unknown): service is SettingShape<unknown> =>
  typeof service === "object" && service !== null && "~signalbox/Setting" in service

/**
 * What stands for it in the refusal of a change. A layer may also quote what it replaces, an old key that is still in use; one that was built
 * while it started, what came meanwhile.
 */
const refusal = (failed: BuildFailed, { values }: Generation, live: Live): PrepareFailed => {
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

/** The next change may need what this one lets go of; but a finalizer that hangs must not hold up the queue. */
const discard = (live: Live, built: Built): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (built.state !== "candidate") return Effect.void
    live.release(built)
    return built.releasing === undefined
      ? Effect.void
      : Fiber.await(built.releasing).pipe(Effect.timeoutOption(discardPatience), Effect.interruptible, Effect.asVoid)
  })
const discardPatience = "1 second"
