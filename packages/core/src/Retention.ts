/**
 * Deletes what the policy no longer wants kept: at once when a store appears or its limits change, else every hour. Stores say how; here is
 * decided when, one store at a time. A sweep that was missed is not made up for, and a clock that is absurdly far ahead deletes nothing for
 * its age (`Retention/ClockGuard.ts`).
 */
import { Cause, Clock, Context, DateTime, Duration, Effect, Layer, Option, type Scope, Semaphore, Stream } from "effect"
import { EventBus } from "./EventBus.ts"
import { failureMessage } from "./internal/FailureMessage.ts"
import { ClockGuard } from "./internal/Retention/ClockGuard.ts"
import { RetentionPolicySchema } from "./internal/RetentionPolicy.ts"
import { RetentionChanged, RetentionSwept } from "./RetentionEvents.ts"
import * as Setting from "./Setting.ts"

/** `ledger_days`, `history_days`, `events_days` … ; 0 keeps for ever. */
export class RetentionPolicy extends Setting.Service<RetentionPolicy>()(
  "@signalbox/core/RetentionPolicy",
  RetentionPolicySchema,
) {}
export type Policy = typeof RetentionPolicySchema.Type

/** What a policy says of one store. 0 or absent: no limit. */
export interface Limits {
  readonly days?: number
  readonly maxBytes?: number
  readonly maxEntries?: number
}

/** What a store is to delete; without limits nothing. */
export interface SweepRequest {
  /** What is older goes; milliseconds since 1970. */
  readonly olderThan?: number
  /** Then the oldest, until no more than this is left. */
  readonly maxBytes?: number
  readonly maxEntries?: number
  /** Say what would go, and keep it. */
  readonly dryRun: boolean
}

/** How much is gone, or in a dry run would be; `deleted` is in the store's own units. */
export interface Swept {
  readonly deleted: number
  readonly bytes: number
}

/** Whatever went wrong, in words; the sweep is tried again in an hour. */
export interface SweepFailed {
  readonly message: string
}

/** A store that can be swept. */
export interface Retainable {
  /** As events name it. */
  readonly name: string
  readonly limits: (policy: Policy) => Limits
  /** When the newest thing in it is from; tells a wrong clock. */
  readonly newest: Effect.Effect<number | undefined, SweepFailed>
  /** Deletes the oldest first, in small batches, each an element: between two of them others get their turn and a newer policy can stop it. */
  readonly sweep: (request: SweepRequest) => Stream.Stream<Swept, SweepFailed>
}

/** How the sweep of one store has ended. */
export interface SweepResult extends Swept {
  readonly store: string
  readonly durationMillis: number
  readonly dryRun: boolean
  /** Why the sweep did not come to its end. */
  readonly failed?: string
  /** Nothing was judged by its age, because the clock is not believed. */
  readonly clockDoubted: boolean
}

/** Sweeps what registers with it. */
export class Retention extends Context.Service<
  Retention,
  {
    /** Sweeps the store now and from then on, until the Scope closes. */
    readonly register: (store: Retainable) => Effect.Effect<void, never, Scope.Scope>
    /** Sweeps all stores now, by the policy in force. A store that fails says so in its result, and does not keep the others from it. */
    readonly sweep: (options?: { readonly dryRun?: boolean }) => Effect.Effect<ReadonlyArray<SweepResult>>
  }
>()("@signalbox/core/Retention") {
  static readonly layer: Layer.Layer<Retention, never, RetentionPolicy | EventBus> = Layer.effect(
    Retention,
    Effect.suspend(() => make),
  )
}

/** Between two sweeps of a store whose limits stay the same. */
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

  const register = Effect.fnUntraced(function* (store: Retainable) {
    const registered: Registered = { store, guard: new ClockGuard() }
    yield* Effect.acquireRelease(
      Effect.sync(() => stores.add(registered)),
      () => Effect.sync(() => stores.delete(registered)),
    )
    yield* policy.changes.pipe(
      Stream.changesWith(sameLimits(store)),
      // A newer limit stops the sweep by an older one: it may want to keep what that one deletes.
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
  const state = { clockDoubted: false }
  const result = (): SweepResult => ({
    store: store.name,
    ...sum,
    durationMillis: Number((clock.monotonicTimeNanosUnsafe() - start) / 1_000_000n),
    dryRun,
    ...state,
  })
  const run = Effect.gen(function* () {
    const limits = store.limits(policy)
    const now = clock.currentTimeMillisUnsafe()
    const believed = guard.believes(now, Number(start / 1_000_000n), yield* store.newest)
    state.clockDoubted = !believed && isSet(limits.days)
    if (state.clockDoubted) yield* Effect.logWarning(doubt(store.name, now))
    const request = requestOf(limits, believed ? now : undefined, dryRun)
    if (request === undefined) return
    yield* Stream.runForEach(store.sweep(request), ({ bytes, deleted }) =>
      Effect.sync(() => {
        sum.deleted += deleted
        sum.bytes += bytes
      }),
    )
  })
  // Also when a newer policy stops it: what is gone is gone, and is said.
  const say = Effect.suspend(() => {
    const { bytes, deleted, durationMillis } = result()
    if (deleted === 0 && !dryRun) return Effect.void
    return bus.publish(new RetentionSwept({ store: store.name, deleted, bytes, durationMillis, dryRun }))
  })
  const failed = (message: string, ...defects: ReadonlyArray<unknown>) =>
    Effect.as(Effect.logWarning(`The sweep of ${store.name} failed: ${message}`, ...defects), message)
  return yield* run.pipe(
    Effect.as(undefined),
    Effect.catch(({ message }) => failed(message)),
    // A bug of the store's must not end its sweeps.
    Effect.catchDefect((defect) => failed(failureMessage(Cause.die(defect), []), defect)),
    Effect.ensuring(say),
    Effect.map((failed) => (failed === undefined ? result() : { ...result(), failed })),
  )
})

const isSet = (limit: number | undefined): limit is number => limit !== undefined && limit > 0

/** `undefined` where nothing limits anything. Without a time that can be believed nothing goes for its age. */
const requestOf = (limits: Limits, now: number | undefined, dryRun: boolean): SweepRequest | undefined => {
  const { days, maxBytes, maxEntries } = limits
  const request: SweepRequest = {
    ...(isSet(days) && now !== undefined ? { olderThan: now - days * dayMillis } : {}),
    ...(isSet(maxBytes) ? { maxBytes } : {}),
    ...(isSet(maxEntries) ? { maxEntries } : {}),
    dryRun,
  }
  return Object.keys(request).length === 1 ? undefined : request
}

/** Where a store cannot tell its limits nobody knows whether they are the same. */
const sameLimits = (store: Retainable) => {
  const limitsOf = Option.liftThrowable((policy: Policy) => store.limits(policy))
  return (before: Policy, after: Policy): boolean => {
    const [a, b] = [Option.getOrUndefined(limitsOf(before)), Option.getOrUndefined(limitsOf(after))]
    if (a === undefined || b === undefined) return false
    return a.days === b.days && a.maxBytes === b.maxBytes && a.maxEntries === b.maxEntries
  }
}

const doubt = (store: string, now: number): string =>
  `The clock says ${DateTime.formatIso(DateTime.makeUnsafe(now))}, more than a month later than expected: nothing in ${store} is deleted for its age until the ` +
  "program has run for another day. Set the clock if it is wrong."
