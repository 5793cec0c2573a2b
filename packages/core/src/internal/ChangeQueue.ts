/**
 * A bounded queue of changes and the one fiber that runs them in order. Callers may come and go; a change once queued runs. When the
 * surrounding Scope closes, the change under way ends after its uninterruptible part, and everyone who still waits is interrupted.
 */
import { type Cause, Context, Deferred, Effect, Exit, Fiber, Queue, type Scope, Tracer } from "effect"
import { Busy } from "../ConfigError.ts"
import { withOpaqueSpan } from "./OpaqueSpan.ts"

export const maxChanges = 64
// Beyond the queue; only changes that are asked for from within a change can be there.
const maxLater = 1024

export interface ChangeQueue {
  /** Changes that wait or are under way. */
  readonly size: Effect.Effect<number>
  readonly inChange: Effect.Effect<boolean>
  readonly run: <A, E>(
    change: Effect.Effect<A, E, Scope.Scope>,
    whenFull: "busy" | "wait",
  ) => Effect.Effect<A, E | Busy>
  readonly runLater: (change: Effect.Effect<void, never, Scope.Scope>) => Effect.Effect<void>
}

interface Job {
  readonly change: Effect.Effect<unknown, unknown, Scope.Scope>
  readonly parent: Tracer.AnySpan | undefined
  readonly answer: (exit: Exit.Exit<any, any>) => void
}

/** The change that this fiber works for. Fibers that outlive it inherit the reference, so it says itself when it has ended. */
export interface Current {
  readonly queue: object
  /** Fibers whose end the change waits for. */
  readonly awaited: Set<number>
  active: boolean
}
export const CurrentChange = Context.Reference<Current | undefined>("@signalbox/core/Reconciler/CurrentChange", {
  defaultValue: () => undefined,
})

/** Says that the change under way waits for this fiber: a change that this fiber in turn waited for would never run. */
export const joinChange: Effect.Effect<void> = Effect.withFiber((fiber) => {
  fiber.getRef(CurrentChange)?.awaited.add(fiber.id)
  return Effect.void
})

export const makeQueue: Effect.Effect<ChangeQueue, never, Scope.Scope> = Effect.gen(function* () {
  const queue = yield* Queue.bounded<Job>(maxChanges)
  let later = 0

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
            // The place is free before the caller hears of it.
            Queue.takeUnsafe(queue)
            job.answer(exit)
          }),
        ),
        Effect.exit,
      )
    })

  const submit = (job: Job, whenFull: "busy" | "wait"): Effect.Effect<void, Busy> =>
    Effect.suspend(() => {
      if (Queue.offerUnsafe(queue, job)) return Effect.void
      if (whenFull === "busy" && queue.state._tag === "Open") {
        return Effect.fail(new Busy({ detail: `${maxChanges} changes wait already; try again in a moment` }))
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
        const answer = Deferred.makeUnsafe<any, any>()
        const parent = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
        const job: Job = { change, parent, answer: (exit) => Deferred.doneUnsafe(answer, exit) }
        return Effect.andThen(submit(job, whenFull), Deferred.await(answer))
      }),
    )

  const runLater: ChangeQueue["runLater"] = (change) =>
    Effect.flatMap(active, (outer) => {
      const job: Job = { change: Effect.onError(change, reportLater), parent: undefined, answer: () => {} }
      if (outer === undefined) return Effect.orDie(submit(job, "wait"))
      // There may be room only after the change that asks has ended: it must not wait.
      if (Queue.offerUnsafe(queue, job)) return Effect.void
      if (later >= maxLater)
        return Effect.die(new Error(`more than ${maxLater} changes were asked for from within a change`))
      later++
      return submit(job, "wait").pipe(
        Effect.ensuring(Effect.sync(() => later--)),
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
        job.value.answer(Exit.interrupt())
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
  "a change waits for another change that can only run after it: fork it in the layer's Scope, use runLater, or make both in one change"

const reportLater = (cause: Cause.Cause<never>) => Effect.logError("A change that nobody waits for has failed", cause)
