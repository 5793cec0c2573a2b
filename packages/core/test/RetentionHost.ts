/** A host of Retention in memory, with stores, a policy and a wall clock that a test controls. */
import { it } from "@effect/vitest"
import { EventBus } from "@signalbox/core/EventBus"
import {
  type Policy,
  type Retainable,
  Retention,
  RetentionPolicy,
  type StoreLimits,
  type SweepRequest,
} from "@signalbox/core/Retention"
import { RetentionChanged, RetentionSwept } from "@signalbox/core/RetentionEvents"
import {
  Clock,
  Context,
  type Duration,
  Effect,
  Latch,
  Layer,
  Logger,
  type Scope,
  Stream,
  SubscriptionRef,
} from "effect"
import { TestClock } from "effect/testing"

export const day = 86_400_000
/** Late enough that items can be old. */
export const start = 1000 * day

export const forever: Policy = {
  ledgerDays: 0,
  ledgerMaxBytes: 0,
  historyDays: 0,
  historyMaxEntries: 0,
  eventsDays: 0,
  tracesDays: 0,
  tracesMaxBytes: 0,
}

export interface Item {
  readonly at: number
  readonly bytes: number
}

/** A store of a host that deletes one item per batch. */
export class Shelf {
  items: ReadonlyArray<Item>
  readonly requests: Array<SweepRequest> = []
  /** While closed, it stops each sweep before its next item. */
  readonly gate = Latch.makeUnsafe(true)
  failing = false
  dying = false

  constructor(ages: ReadonlyArray<number>) {
    this.items = ages.map((days) => ({ at: start - days * day, bytes: 10 }))
  }

  get ages(): ReadonlyArray<number> {
    return this.items.map(({ at }) => (start - at) / day)
  }

  retainable(name: string, limits: (policy: Policy) => StoreLimits): Retainable {
    return {
      name,
      limits,
      newest: Effect.sync(() => this.items.at(-1)?.at),
      sweep: (request) => {
        this.requests.push(request)
        const { maxBytes = Number.POSITIVE_INFINITY, olderThan = 0 } = request
        let left = this.items.reduce((sum, { bytes }) => sum + bytes, 0)
        const victims = this.items.filter((item) => {
          const goes = item.at < olderThan || left > maxBytes
          if (goes) left -= item.bytes
          return goes
        })
        if (this.dying) return Stream.die(new Error("the shelf is gone"))
        if (this.failing) return Stream.fail({ message: "the shelf has fallen over" })
        return Stream.fromIterable(victims).pipe(
          Stream.mapEffect((victim) =>
            Effect.map(this.gate.await, () => {
              if (!request.dryRun) this.items = this.items.filter((item) => item !== victim)
              return { deleted: 1, bytes: victim.bytes }
            }),
          ),
        )
      },
    }
  }
}

export const events = ({ eventsDays }: Policy): StoreLimits => ({ days: eventsDays })
export const traces = ({ tracesDays, tracesMaxBytes }: Policy): StoreLimits => ({
  days: tracesDays,
  maxBytes: tracesMaxBytes,
})

export interface Host {
  readonly retention: Retention["Service"]
  readonly setPolicy: (policy: Policy) => Effect.Effect<void>
  readonly bus: EventBus["Service"]
  /** Published events and log messages, one line each. */
  readonly lines: Array<string>
  /** Moves the wall clock without time passing. */
  readonly jump: (millis: number) => void
}

/** Lets ready fibers run, and the fibers that these make ready. */
export const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

/** Lets time pass, and then lets fibers run that were waiting for it. */
export const pass = (duration: Duration.Input) =>
  Effect.andThen(settle, Effect.andThen(TestClock.adjust(duration), settle))

export const retentionTest = (
  title: string,
  policy: Policy,
  body: (host: Host) => Effect.Effect<void, unknown, Scope.Scope>,
) =>
  it.effect(title, () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const ref = yield* SubscriptionRef.make(policy)
      const clock = yield* Clock.Clock
      const ahead = { millis: 0 }
      const jumping: Clock.Clock = {
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() + ahead.millis,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (millis) => millis + ahead.millis),
        currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe() + BigInt(ahead.millis) * 1_000_000n,
        currentTimeNanos: Effect.map(clock.currentTimeNanos, (nanos) => nanos + BigInt(ahead.millis) * 1_000_000n),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        sleep: (duration) => clock.sleep(duration),
      }
      const setting = Layer.effect(
        RetentionPolicy,
        Effect.map(Layer.build(RetentionPolicy.layer(policy)), (context) => ({
          ...Context.get(context, RetentionPolicy),
          get: SubscriptionRef.get(ref),
          changes: SubscriptionRef.changes(ref),
        })),
      )
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => void lines.push(String(message)))
      const jump = (millis: number) => {
        ahead.millis += millis
      }
      yield* Effect.gen(function* () {
        const context = yield* Layer.build(
          Layer.provideMerge(Retention.layer, Layer.mergeAll(setting, EventBus.layer)),
        ).pipe(Effect.provideService(Clock.Clock, jumping))
        const [bus, retention] = [Context.get(context, EventBus), Context.get(context, Retention)]
        const published = yield* bus.subscribe({ types: [RetentionChanged, RetentionSwept] })
        yield* published.pipe(
          Stream.runForEach((envelope) => {
            if (envelope._tag === "Gap") return Effect.die("a gap")
            const { event } = envelope
            const line =
              event._tag === "retention.swept"
                ? `${event.store} ${event.deleted} ${event.bytes}${event.dryRun ? " dry" : ""}`
                : `changed ${event.policy.eventsDays}`
            return Effect.sync(() => void lines.push(line))
          }),
          Effect.forkScoped,
        )
        const setPolicy = (next: Policy) => Effect.andThen(SubscriptionRef.set(ref, next), settle)
        yield* settle
        yield* body({ retention, bus, lines, setPolicy, jump })
      }).pipe(Effect.provide(Logger.layer([logger])))
    }),
  )

/** Sums the batches of one sweep. */
export const sweepAll = (store: Retainable, request: Partial<SweepRequest>) =>
  Stream.runFold(
    store.sweep({ dryRun: false, ...request }),
    () => ({ deleted: 0, bytes: 0 }),
    (sum, { bytes, deleted }) => ({ deleted: sum.deleted + deleted, bytes: sum.bytes + bytes }),
  )
