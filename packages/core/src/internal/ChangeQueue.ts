/**
 * A bounded queue of changes, and the one fiber that runs them in order. A queued change runs even if its caller is interrupted. When the
 * surrounding Scope closes, the running change ends after its uninterruptible part, and all waiting callers are interrupted.
 */
import { type Cause, Clock, Context, Deferred, Duration, Effect, Exit, Fiber, Queue, type Scope, Tracer } from "effect"
import { Busy } from "../ConfigError.ts"
import { withOpaqueSpan } from "./OpaqueSpan.ts"

export const maxChanges = 64
// Changes that wait for room in the queue. Only changes that a running change adds can wait here.
const maxWaiting = 1024

export interface ChangeQueue {
  /** Changes that wait or run. */
  readonly size: Effect.Effect<number>
  readonly inChange: Effect.Effect<boolean>
  readonly run: <A, E>(
    change: Effect.Effect<A, E, Scope.Scope>,
    whenFull: "busy" | "wait",
  ) => Effect.Effect<A, E | Busy>
  readonly runLater: (change: Effect.Effect<void, never, Scope.Scope>) => Effect.Effect<void>
}

/** A change and its caller. */
interface Job {
  /** When it was added to the queue, in milliseconds since 1970. */
  readonly since: number
  readonly change: Effect.Effect<unknown, unknown, Scope.Scope>
  readonly parent: Tracer.AnySpan | undefined
  readonly complete: (exit: Exit.Exit<any, any>) => void
}

/** The change that this fiber works for. Fibers that outlive the change inherit it, so `active` is set to false when the change ends. */
export interface Current {
  readonly queue: object
  /** The ids of the fibers that the change waits for. */
  readonly awaited: Set<number>
  active: boolean
}
export const CurrentChange = Context.Reference<Current | undefined>("@signalbox/core/Reconciler/CurrentChange", {
  defaultValue: () => undefined,
})

/** Registers that the running change waits for this fiber: a change that this fiber waited for would never run. */
export const joinChange: Effect.Effect<void> = Effect.withFiber((fiber) => {
  fiber.getRef(CurrentChange)?.awaited.add(fiber.id)
  return Effect.void
})

export const makeQueue: Effect.Effect<ChangeQueue, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const queue = yield* Queue.bounded<Job>(maxChanges)
  let waiting = 0
  /** From the call of the last change until its end. */
  let lastMillis = 0

  const perform = (job: Job) =>
    Effect.suspend(() => {
      const current: Current = { queue, awaited: new Set(), active: true }
      return joinChange.pipe(
        Effect.andThen(job.change),
        Effect.scoped,
        withOpaqueSpan("Reconciler.run", job.parent === undefined ? {} : { parent: job.parent }),
        Effect.provideService(CurrentChange, current),
        Effect.onExit((exit) =>
          Effect.sync(() => {
            current.active = false
            // There is room in the queue before the caller continues.
            Queue.takeUnsafe(queue)
            lastMillis = clock.currentTimeMillisUnsafe() - job.since
            job.complete(exit)
          }),
        ),
        Effect.exit,
      )
    })

  const submit = (job: Job, whenFull: "busy" | "wait"): Effect.Effect<void, Busy> =>
    Effect.suspend(() => {
      if (Queue.offerUnsafe(queue, job)) return Effect.void
      if (whenFull === "busy" && queue.state._tag === "Open") {
        const waited = Duration.format(Duration.millis(Math.max(0, lastMillis)))
        return Effect.fail(new Busy({ detail: `${maxChanges} changes wait already, and the last one took ${waited}` }))
      }
      return Effect.flatMap(Queue.offer(queue, job), (taken) => (taken ? Effect.void : Effect.interrupt))
    })

  const active = Effect.map(CurrentChange, (change) =>
    change !== undefined && change.queue === queue && change.active ? change : undefined,
  )

  const run: ChangeQueue["run"] = (change, whenFull) =>
    Effect.withFiber((fiber) =>
      Effect.flatMap(active, (outer) => {
        if (outer?.awaited.has(fiber.id)) return Effect.die(new Error(reentrant))
        const result = Deferred.makeUnsafe<any, any>()
        const parent = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
        const job: Job = {
          since: clock.currentTimeMillisUnsafe(),
          change,
          parent,
          complete: (exit) => Deferred.doneUnsafe(result, exit),
        }
        return Effect.andThen(submit(job, whenFull), Deferred.await(result))
      }),
    )

  const runLater: ChangeQueue["runLater"] = (change) =>
    Effect.flatMap(active, (outer) => {
      const since = clock.currentTimeMillisUnsafe()
      const job: Job = { since, change: Effect.onError(change, reportLater), parent: undefined, complete: () => {} }
      if (outer === undefined) return Effect.orDie(submit(job, "wait"))
      // The running change must not wait: there may be room only after it has ended.
      if (Queue.offerUnsafe(queue, job)) return Effect.void
      if (waiting >= maxWaiting) return Effect.die(new Error(`a change added more than ${maxWaiting} other changes`))
      waiting++
      return submit(job, "wait").pipe(
        Effect.ensuring(Effect.sync(() => waiting--)),
        Effect.forkIn(scope, { startImmediately: true }),
        Effect.asVoid,
      )
    })

  const scope = yield* Effect.scope
  const worker = yield* Queue.peek(queue).pipe(Effect.flatMap(perform), Effect.forever, Effect.forkIn(scope))
  yield* Effect.addFinalizer(() =>
    Effect.gen(function* () {
      yield* Fiber.interrupt(worker)
      for (let job = Queue.takeUnsafe(queue); Exit.isExit(job); job = Queue.takeUnsafe(queue)) {
        if (job._tag === "Failure") break
        job.value.complete(Exit.interrupt())
      }
      yield* Queue.shutdown(queue)
    }),
  )

  return {
    size: Queue.size(queue),
    inChange: Effect.map(active, (change) => change !== undefined),
    run,
    runLater,
  }
})

const reentrant =
  "a change waits for another change, which can only run after it: fork it in the layer's Scope, use runLater, or make both in one change"

const reportLater = (cause: Cause.Cause<never>) =>
  Effect.logError("A change without a waiting caller has failed", cause)
