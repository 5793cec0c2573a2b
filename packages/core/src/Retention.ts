/**
 * Deletes data that the policy no longer keeps: at once when a store is registered or its limits change, otherwise every hour. A store
 * implements the deletion; Retention decides when, and sweeps one store at a time. Missed sweeps are not repeated. A clock that is far ahead
 * deletes nothing by age (`internal/Retention/ClockGuard.ts`).
 */
import { Cause, Clock, Context, DateTime, Duration, Effect, Layer, Option, type Scope, Semaphore, Stream } from "effect"
import { EventBus } from "./EventBus.ts"
import { failureMessage } from "./internal/FailureMessage.ts"
import { ClockGuard } from "./internal/Retention/ClockGuard.ts"
import { RetentionPolicySchema } from "./internal/RetentionPolicy.ts"
import { RetentionChanged, RetentionSwept } from "./RetentionEvents.ts"
import * as Setting from "./Setting.ts"

/** `ledger_days`, `history_days`, `events_days` … 0 keeps for ever. */
export class RetentionPolicy extends Setting.Service<RetentionPolicy>()(
  "@signalbox/core/RetentionPolicy",
  RetentionPolicySchema,
) {}
export type Policy = typeof RetentionPolicySchema.Type

/** The limits of one store. 0 or absent: no limit. */
export interface StoreLimits {
  readonly days?: number
  readonly maxBytes?: number
  readonly maxEntries?: number
}

/** The limits of one sweep. A sweep without limits deletes nothing. */
export interface SweepRequest {
  /** Delete everything older than this time, in milliseconds since 1970. */
  readonly olderThan?: number
  /** Then delete the oldest until at most this much is left. */
  readonly maxBytes?: number
  readonly maxEntries?: number
  /** Report what the sweep would delete, and delete nothing. */
  readonly dryRun: boolean
}

/** The amount that a sweep deleted, or would delete. `deleted` is in the store's own units, such as documents or segments. */
export interface Swept {
  readonly deleted: number
  readonly bytes: number
}

/** A sweep failed. Retention tries again in an hour. */
export interface SweepFailed {
  readonly message: string
}

/** A store that Retention can sweep. */
export interface Retainable {
  /** The name of the store in events. */
  readonly name: string
  readonly limits: (policy: Policy) => StoreLimits
  /** The time of the newest item in the store. It reveals a wrong clock. */
  readonly newest: Effect.Effect<number | undefined, SweepFailed>
  /** Deletes the oldest items first. Each element is a small batch: between two, other fibers run and a newer policy can stop the sweep. */
  readonly sweep: (request: SweepRequest) => Stream.Stream<Swept, SweepFailed>
}

/** The result of the sweep of one store. */
export interface SweepResult extends Swept {
  readonly store: string
  readonly durationMillis: number
  readonly dryRun: boolean
  /** Why the sweep did not finish. */
  readonly failed?: string
  /** Whether the age limit was skipped, because the clock is far ahead. */
  readonly ageLimitSkipped: boolean
}

/**
 * Sweeps the registered stores.
 *
 * **Example** (Registering a store of your own)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { EventBus, type Retainable, Retention, RetentionPolicy } from "@signalbox/core"
 * import { Effect, Layer, Stream } from "effect"
 *
 * let traces = ["old", "new"]
 * const store: Retainable = {
 *   name: "traces",
 *   // A limit of the policy would be `({ tracesDays }) => ({ days: tracesDays })`.
 *   limits: () => ({ maxEntries: 1 }),
 *   newest: Effect.succeed(undefined),
 *   sweep: ({ dryRun, maxEntries = traces.length }) => {
 *     const deleted = traces.length - maxEntries
 *     if (!dryRun) traces = traces.slice(deleted)
 *     return Stream.succeed({ deleted, bytes: 3 * deleted })
 *   },
 * }
 * const policy = RetentionPolicy.layer(RetentionPolicy.schema.make({}))
 * const program = Effect.gen(function* () {
 *   const retention = yield* Retention
 *   yield* retention.register(store)
 *   return yield* retention.sweep()
 * }).pipe(Effect.scoped, Effect.provide(Retention.layer.pipe(Layer.provide([policy, EventBus.layer]))))
 *
 * await Effect.runPromise(program)
 * deepStrictEqual(traces, ["new"])
 * ```
 */
export class Retention extends Context.Service<
  Retention,
  {
    /** Sweeps the store now, and then by its limits, until the `Scope` closes. */
    readonly register: (store: Retainable) => Effect.Effect<void, never, Scope.Scope>
    /** Sweeps all stores now, by the policy in force. The result of a store that fails has `failed`; the other stores are swept. */
    readonly sweep: (options?: { readonly dryRun?: boolean }) => Effect.Effect<ReadonlyArray<SweepResult>>
  }
>()("@signalbox/core/Retention") {
  static readonly layer: Layer.Layer<Retention, never, RetentionPolicy | EventBus> = Layer.effect(
    Retention,
    Effect.suspend(() => make),
  )
}

/** Between two sweeps of a store whose limits do not change. */
const interval = Duration.hours(1)
const dayMillis = 86_400_000

interface Registered {
  readonly store: Retainable
  readonly guard: ClockGuard
}

const make = Effect.gen(function* () {
  const policy = yield* RetentionPolicy
  const bus = yield* EventBus
  const clock = yield* Clock.Clock
  const stores = new Set<Registered>()
  const turns = yield* Semaphore.make(1)

  const sweepStore = (registered: Registered, current: Policy, dryRun: boolean) =>
    turns.withPermit(sweepOnce(registered, current, dryRun, clock, bus))

  const register = Effect.fn("Retention.register")(function* (store: Retainable) {
    const registered: Registered = { store, guard: new ClockGuard() }
    yield* Effect.acquireRelease(
      Effect.sync(() => stores.add(registered)),
      () => Effect.sync(() => stores.delete(registered)),
    )
    yield* policy.changes.pipe(
      Stream.changesWith(sameLimits(store)),
      // A newer limit stops a sweep by an older limit, which might delete data that the newer one keeps.
      Stream.switchMap((current) =>
        Stream.fromEffect(
          Effect.forever(Effect.andThen(sweepStore(registered, current, false), Effect.sleep(interval))),
        ),
      ),
      Stream.runDrain,
      Effect.forkScoped,
    )
  })

  const sweep = Effect.fn("Retention.sweep")(function* (options?: { readonly dryRun?: boolean }) {
    const current = yield* policy.get
    return yield* Effect.forEach([...stores], (registered) => sweepStore(registered, current, options?.dryRun ?? false))
  })

  yield* policy.changes.pipe(
    Stream.drop(1),
    Stream.runForEach((changed) => bus.publish(new RetentionChanged({ policy: changed }))),
    Effect.forkScoped,
  )
  return Retention.of({ register, sweep })
})

const sweepOnce = Effect.fnUntraced(function* (
  { guard, store }: Registered,
  policy: Policy,
  dryRun: boolean,
  clock: Clock.Clock,
  bus: EventBus["Service"],
): Effect.fn.Return<SweepResult> {
  const start = clock.monotonicTimeNanosUnsafe()
  const sum = { deleted: 0, bytes: 0 }
  let ageLimitSkipped = false
  const result = (): SweepResult => ({
    store: store.name,
    ...sum,
    durationMillis: Number((clock.monotonicTimeNanosUnsafe() - start) / 1_000_000n),
    dryRun,
    ageLimitSkipped,
  })
  const run = Effect.gen(function* () {
    const limits = store.limits(policy)
    const now = clock.currentTimeMillisUnsafe()
    const isTrusted = guard.trusts(now, Number(start / 1_000_000n), yield* store.newest)
    ageLimitSkipped = !isTrusted && isSet(limits.days)
    if (ageLimitSkipped) yield* Effect.logWarning(clockWarning(store.name, now))
    const request = requestOf(limits, isTrusted ? now : undefined, dryRun)
    if (request === undefined) return
    yield* Stream.runForEach(store.sweep(request), ({ bytes, deleted }) =>
      Effect.sync(() => {
        sum.deleted += deleted
        sum.bytes += bytes
      }),
    )
  })
  // Runs also when a newer policy interrupts the sweep, so that each deletion is published.
  const publish = Effect.suspend(() => {
    const { bytes, deleted, durationMillis } = result()
    if (deleted === 0 && !dryRun) return Effect.void
    return bus.publish(new RetentionSwept({ store: store.name, deleted, bytes, durationMillis, dryRun }))
  })
  const failed = (message: string, ...defects: ReadonlyArray<unknown>) =>
    Effect.as(Effect.logWarning(`The sweep of ${store.name} failed: ${message}`, ...defects), message)
  return yield* run.pipe(
    Effect.as(undefined),
    Effect.catch(({ message }) => failed(message)),
    // A defect of a store must not end its sweeps.
    Effect.catchDefect((defect) => failed(failureMessage(Cause.die(defect), []), defect)),
    Effect.ensuring(publish),
    Effect.map((failed) => (failed === undefined ? result() : { ...result(), failed })),
  )
})

const isSet = (limit: number | undefined): limit is number => limit !== undefined && limit > 0

/** Returns `undefined` for a policy without limits. Without a trusted time, the age limit does not apply. */
const requestOf = (limits: StoreLimits, now: number | undefined, dryRun: boolean): SweepRequest | undefined => {
  const { days, maxBytes, maxEntries } = limits
  const request: SweepRequest = {
    ...(isSet(days) && now !== undefined ? { olderThan: now - days * dayMillis } : {}),
    ...(isSet(maxBytes) ? { maxBytes } : {}),
    ...(isSet(maxEntries) ? { maxEntries } : {}),
    dryRun,
  }
  return Object.keys(request).length === 1 ? undefined : request
}

/** Compares the limits of a store under two policies. Limits that throw count as changed. */
const sameLimits = (store: Retainable) => {
  const limitsOf = Option.liftThrowable((policy: Policy) => store.limits(policy))
  return (before: Policy, after: Policy): boolean => {
    const [a, b] = [Option.getOrUndefined(limitsOf(before)), Option.getOrUndefined(limitsOf(after))]
    if (a === undefined || b === undefined) return false
    return a.days === b.days && a.maxBytes === b.maxBytes && a.maxEntries === b.maxEntries
  }
}

const clockWarning = (store: string, now: number): string =>
  `The clock is at ${DateTime.formatIso(DateTime.makeUnsafe(now))}, more than a month later than expected: nothing in ${store} is deleted by age ` +
  "until the program has run for another day. Set the clock if it is wrong."
