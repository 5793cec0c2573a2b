/**
 * The generations of one graph: which one serves, who still holds the old ones, and when they are let go. It takes part in every change
 * of the Reconciler once its first generation stands.
 */
import { Clock, Context, Deferred, Duration, Effect, Exit, Fiber, Scope, Stream } from "effect"
import type { AnyEvent } from "../Event.ts"
import { EventBus } from "../EventBus.ts"
import { type Generation, type Participant, PrepareFailed, Reconciler } from "../Reconciler.ts"
import { ServiceFailed, ServiceRebuilt, ServiceReleased } from "../ServiceEvents.ts"
import type { Shape as SettingShape } from "../Setting.ts"
import { type BuildFailed, makeBuilder } from "./Builder.ts"
import { Built, DrainLimitReached, type Holder, type Pin, take } from "./Built.ts"
import { failureMessage } from "./FailureMessage.ts"
import { type AnyDeclaration, type AnyKey, type Instance, instancesOf, makePlan, type Plan } from "./Plan.ts"
import { type Status, statusOf } from "./Status.ts"

/** Generations of one graph that live at once: the current one, and those that requests still hold. */
export const maxLive = 16

export interface Engine extends Holder {
  /** Builds and serves the first generation, and takes part from then on. */
  readonly start: Effect.Effect<void, BuildFailed>
  /** Starts, and starts again after each commit until it serves. */
  readonly keepStarting: Effect.Effect<void>
  /** Waits until there is a generation to pin. */
  readonly ready: Effect.Effect<void>
  readonly pin: Effect.Effect<Pin, never, Scope.Scope>
  readonly status: Effect.Effect<Status>
  /** Instances that stand or are being built or released, in whichever generation. */
  readonly size: Effect.Effect<number>
}

export const makeEngine = (options: {
  readonly id: string
  readonly declarations: ReadonlyArray<AnyDeclaration>
  readonly drain: Duration.Input
}): Effect.Effect<Engine, never, Scope.Scope | Reconciler | EventBus> =>
  Effect.gen(function* () {
    const { declarations, id } = options
    const drain = Duration.fromInputUnsafe(options.drain)
    const reconciler = yield* Reconciler
    const bus = yield* EventBus
    const clock = yield* Clock.Clock
    // The layers' own needs are checked where the nodes are declared.
    const context = yield* Effect.context<any>()
    const scope = Scope.makeUnsafe()
    const served = Deferred.makeUnsafe<void>()
    const live = new Set<Built>()
    let closed = false
    /** What the status shows until the first generation serves. */
    let attempt: { readonly plan: Plan; readonly failures: BuildFailed["failures"] } | undefined

    const builder = yield* makeBuilder({
      context,
      onReleased: (instance) => {
        const { letGo, name, recipe } = instance
        if (closed || letGo === undefined || recipe._tag === "collection") return Effect.void
        return bus.publish(new ServiceReleased({ service: name, ...letGo }))
      },
    }).pipe(Scope.provide(scope))

    const inBackground = (effect: Effect.Effect<void>): Fiber.Fiber<void> =>
      Effect.yieldNow.pipe(
        Effect.andThen(effect),
        Effect.uninterruptible,
        Effect.runForkWith(context),
        Fiber.runIn(scope),
      )

    const release = (built: Built): void => {
      if (built.state === "released") return
      const { forced, generation, onForced, plan, retiredAt, state, timer } = built
      built.state = "released"
      live.delete(built)
      timer?.interruptUnsafe()
      if (state === "retired") {
        const drainedMillis = Math.max(0, clock.currentTimeMillisUnsafe() - retiredAt)
        const letGo = { generation: generation.number, drainedMillis, forced: forced !== undefined }
        for (const instance of instancesOf(plan)) instance.letGo = letGo
      }
      built.releasing = inBackground(
        Effect.suspend(() => {
          if (forced !== undefined) for (const wake of onForced) wake(forced)
          return Scope.close(built.scope, Exit.void)
        }),
      )
    }

    const force = (built: Built): void => {
      built.forced = new DrainLimitReached({ graph: id, generation: built.generation.number })
      release(built)
    }

    const valueOf =
      ({ values }: Generation) =>
      (key: AnyKey): unknown => {
        const service: unknown = Context.getOrUndefined(context, key)
        return isSetting(service) ? service["~signalbox/Setting"].valueIn(values) : values.get(key.key)
      }

    /** A candidate beside the current generation; let go with the Scope unless it serves by then. */
    const candidate = (generation: Generation, previous: Plan | undefined) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const plan = makePlan(declarations, generation.number, valueOf(generation), previous)
          return new Built(generation, plan, Scope.forkUnsafe(scope))
        }),
        (built) => {
          if (built.state !== "candidate") return Effect.void
          release(built)
          return waitFor(built.releasing)
        },
      )

    const serve = (built: Built): void => {
      attempt = undefined
      const now = clock.currentTimeMillisUnsafe()
      const previous = holder.current
      if (previous !== undefined) {
        previous.state = "retired"
        previous.retiredAt = now
      }
      built.state = "current"
      built.since = now
      live.add(built)
      holder.current = built
    }

    const settle = (previous: Built | undefined) =>
      Effect.sync(() => {
        if (previous?.state === "retired") {
          if (previous.pins === 0) release(previous)
          else previous.timer = startTimer(previous)
        }
        for (const oldest of [...live].slice(0, Math.max(0, live.size - maxLive))) force(oldest)
      })

    const startTimer = (built: Built) =>
      Effect.sleep(drain).pipe(
        Effect.andThen(Effect.sync(() => force(built))),
        Effect.runForkWith(context),
        Fiber.runIn(scope),
      )

    const participant: Participant = {
      prepare: (generation) =>
        Effect.gen(function* () {
          const previous = holder.current
          const built = yield* candidate(generation, previous?.plan)
          yield* Effect.mapError(builder.build(built), (failed) => refusal(failed, generation))
          return {
            rebuilt: rebuiltIn(built).map(({ name }) => name),
            commit: () => {
              if (closed) return []
              serve(built)
              return rebuiltIn(built).map(asRebuilt(generation))
            },
            settle: settle(previous),
          }
        }),
    }

    const start: Engine["start"] = Effect.gen(function* () {
      const generation = yield* reconciler.current
      const first = yield* candidate(generation, undefined)
      attempt = { plan: first.plan, failures: [] }
      yield* builder.build(first)
      yield* reconciler.run(
        (transaction) =>
          Effect.gen(function* () {
            // Most of what it needs stands already.
            const built = transaction.current === generation ? first : yield* candidate(transaction.current, first.plan)
            if (built !== first) yield* builder.build(built)
            if (closed || built.state !== "candidate") return yield* Effect.interrupt
            serve(built)
            yield* transaction.attach(participant)
            Deferred.doneUnsafe(served, Exit.void)
          }),
        { whenFull: "wait" },
      )
    }).pipe(Effect.scoped)

    const keepStarting: Engine["keepStarting"] = Effect.gen(function* () {
      while (true) {
        const generation = yield* reconciler.current
        const failed = yield* Effect.match(start, { onFailure: (failed) => failed, onSuccess: () => undefined })
        if (failed === undefined) return
        attempt = failed
        const reasons = refusal(failed, generation).failures
        yield* bus.publishAll(
          reasons.map(({ message, node }) => new ServiceFailed({ service: node, reason: message })),
          { revision: generation.revision },
        )
        yield* Stream.runHead(Stream.filter(reconciler.generations, ({ number }) => number > generation.number))
      }
    })

    const pin: Engine["pin"] = Effect.suspend(() =>
      holder.current === undefined ? Effect.andThen(holder.ready, pin) : pinNow,
    )
    const pinNow = Effect.acquireRelease(
      Effect.withFiber<Pin>((fiber) => {
        const pin = take(holder, fiber.context)
        return pin === undefined ? Effect.interrupt : Effect.succeed(pin)
      }),
      (pin) => Effect.sync(() => pin.end()),
    )

    const holder: Engine = {
      current: undefined,
      release,
      start,
      keepStarting,
      ready: Effect.suspend(() => (closed ? Effect.interrupt : Deferred.await(served))),
      pin,
      size: builder.size,
      status: Effect.sync(() =>
        statusOf({
          declarations,
          plan: holder.current?.plan ?? attempt?.plan,
          failures: holder.current === undefined ? (attempt?.failures ?? []) : [],
          live,
          now: clock.currentTimeMillisUnsafe(),
        }),
      ),
    }

    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        closed = true
        holder.current = undefined
        Deferred.doneUnsafe(served, Exit.interrupt())
        return Effect.andThen(reconciler.detach(participant), Scope.close(scope, Exit.void))
      }),
    )
    return holder
  })

/** What stands for it in the refusal of a change. */
const refusal = (failed: BuildFailed, { values }: Generation): PrepareFailed =>
  new PrepareFailed({
    failures: failed.failures.map(({ cause, instance }) => ({
      node: instance.name,
      message: failureMessage(cause, values.values()),
    })),
  })

const rebuiltIn = ({ plan }: Built): ReadonlyArray<Instance> =>
  plan.fresh.filter(({ recipe }) => recipe._tag === "layer")

const asRebuilt =
  ({ number, revision }: Generation) =>
  ({ buildMillis, name }: Instance): AnyEvent =>
    new ServiceRebuilt({ service: name, revision, generation: number, durationMillis: buildMillis })

/** The next change may need what this one lets go of; but a finalizer that hangs must not hold up the queue. */
const waitFor = (fiber: Fiber.Fiber<void> | undefined): Effect.Effect<void> =>
  fiber === undefined
    ? Effect.void
    : Fiber.await(fiber).pipe(Effect.timeoutOption(discardPatience), Effect.interruptible, Effect.asVoid)
const discardPatience = "1 second"

const isSetting = (service: unknown): service is SettingShape<unknown> =>
  typeof service === "object" && service !== null && "~signalbox/Setting" in service
