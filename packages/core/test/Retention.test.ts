import { assert, describe, it } from "@effect/vitest"
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
  Exit,
  Latch,
  Layer,
  Logger,
  Scope,
  Stream,
  SubscriptionRef,
} from "effect"
import { TestClock } from "effect/testing"

const day = 86_400_000
/** Late enough that items can be old. */
const start = 1000 * day

const forever: Policy = {
  ledgerDays: 0,
  ledgerMaxBytes: 0,
  historyDays: 0,
  historyMaxEntries: 0,
  eventsDays: 0,
  tracesDays: 0,
  tracesMaxBytes: 0,
}

interface Item {
  readonly at: number
  readonly bytes: number
}

/** A store of a host that deletes one item per batch. */
class Shelf {
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

const events = ({ eventsDays }: Policy): StoreLimits => ({ days: eventsDays })
const traces = ({ tracesDays, tracesMaxBytes }: Policy): StoreLimits => ({ days: tracesDays, maxBytes: tracesMaxBytes })

interface Host {
  readonly retention: Retention["Service"]
  readonly setPolicy: (policy: Policy) => Effect.Effect<void>
  readonly bus: EventBus["Service"]
  /** Published events and log messages, one line each. */
  readonly lines: Array<string>
  /** Moves the wall clock without time passing. */
  readonly jump: (millis: number) => void
}

/** Lets ready fibers run, and the fibers that these make ready. */
const settle = Effect.repeat(Effect.yieldNow, { times: 100 })

/** Lets time pass, and then lets fibers run that were waiting for it. */
const pass = (duration: Duration.Input) => Effect.andThen(settle, Effect.andThen(TestClock.adjust(duration), settle))

const test = (title: string, policy: Policy, body: (host: Host) => Effect.Effect<void, unknown, Scope.Scope>) =>
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

describe("Retention", () => {
  test(
    "sweeps a store by its own limits when it is registered, and publishes the sweep",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [a, b] = [new Shelf([90, 61, 60, 1, 0]), new Shelf([90, 1])]
        yield* host.retention.register(a.retainable("events", events))
        yield* host.retention.register(b.retainable("traces", traces))
        yield* settle
        assert.deepStrictEqual(a.ages, [60, 1, 0])
        assert.deepStrictEqual(b.ages, [90, 1])
        // The other store has no limits, so its sweep is not called.
        assert.deepStrictEqual(b.requests, [])
        assert.deepStrictEqual(host.lines, ["events 2 20"])
      }),
  )

  test(
    "sweeps a store each hour, and publishes only sweeps that deleted something",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const shelf = new Shelf([59, 1])
        yield* host.retention.register(shelf.retainable("events", events))
        yield* settle
        assert.strictEqual(shelf.requests.length, 1)
        yield* pass(3_599_999)
        assert.strictEqual(shelf.requests.length, 1)
        yield* pass(1)
        assert.strictEqual(shelf.requests.length, 2)
        yield* pass("23 hours")
        assert.strictEqual(shelf.requests.length, 25)
        assert.deepStrictEqual(shelf.ages, [59, 1])
        yield* pass("1 hour")
        assert.deepStrictEqual(shelf.ages, [1])
        assert.deepStrictEqual(host.lines, ["events 1 10"])
      }),
  )

  test("sweeps at once the stores whose limits change, and restarts their hour", forever, (host) =>
    Effect.gen(function* () {
      const [a, b] = [new Shelf([90, 61, 1]), new Shelf([90, 1])]
      yield* host.retention.register(a.retainable("events", events))
      yield* host.retention.register(b.retainable("traces", ({ tracesMaxBytes }) => ({ maxBytes: tracesMaxBytes })))
      yield* host.setPolicy({ ...forever, tracesMaxBytes: 1000 })
      assert.deepStrictEqual([a.requests.length, b.requests.length], [0, 1])
      yield* pass("30 minutes")
      yield* host.setPolicy({ ...forever, tracesMaxBytes: 1000, eventsDays: 60 })
      assert.deepStrictEqual([a.ages, b.ages], [[1], [90, 1]])
      assert.deepStrictEqual([a.requests.length, b.requests.length], [1, 1])
      yield* host.setPolicy({ ...forever, tracesMaxBytes: 10, eventsDays: 60 })
      assert.deepStrictEqual(b.ages, [1])
      yield* pass("59 minutes")
      assert.deepStrictEqual([a.requests.length, b.requests.length], [1, 2])
      yield* pass("1 minute")
      assert.deepStrictEqual([a.requests.length, b.requests.length], [2, 3])
      assert.deepStrictEqual(host.lines, ["changed 0", "changed 60", "events 2 20", "changed 60", "traces 1 10"])
    }),
  )

  test(
    "stops a running sweep when a newer policy keeps more, and publishes what was deleted",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const shelf = new Shelf([93, 92, 91, 0])
        shelf.gate.closeUnsafe()
        yield* host.retention.register(shelf.retainable("events", events))
        yield* settle
        yield* shelf.gate.release
        yield* settle
        assert.deepStrictEqual(shelf.ages, [92, 91, 0])
        yield* host.setPolicy({ ...forever, eventsDays: 365 })
        shelf.gate.openUnsafe()
        yield* pass("2 hours")
        assert.deepStrictEqual(shelf.ages, [92, 91, 0])
        assert.include(host.lines, "events 1 10")
      }),
  )

  test("reports in a dry run what a sweep would delete, and deletes nothing", forever, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([90, 61, 1])
      yield* host.retention.register(shelf.retainable("shelf", () => ({ days: 0, maxBytes: 20 })))
      shelf.items = new Shelf([92, 91, 90, 61]).items
      const results = yield* host.retention.sweep({ dryRun: true })
      assert.deepStrictEqual(results, [
        { store: "shelf", deleted: 2, bytes: 20, durationMillis: 0, dryRun: true, ageLimitSkipped: false },
      ])
      assert.strictEqual(shelf.items.length, 4)
      yield* settle
      assert.include(host.lines, "shelf 2 20 dry")
      yield* host.retention.sweep()
      assert.deepStrictEqual(shelf.ages, [90, 61])
    }),
  )

  test("sweeps once after the computer slept through several sweeps", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([55, 1])
      yield* host.retention.register(shelf.retainable("events", events))
      yield* settle
      yield* pass("10 minutes")
      host.jump(10 * day)
      yield* settle
      assert.strictEqual(shelf.requests.length, 1)
      yield* pass("50 minutes")
      assert.strictEqual(shelf.requests.length, 2)
      assert.deepStrictEqual(shelf.ages, [1])
      yield* pass("59 minutes")
      assert.strictEqual(shelf.requests.length, 2)
      assert.deepStrictEqual(host.lines, ["events 1 10"])
    }),
  )

  test(
    "deletes nothing by age while the clock is years ahead",
    { ...forever, tracesDays: 60, tracesMaxBytes: 30 },
    (host) =>
      Effect.gen(function* () {
        const shelf = new Shelf([30, 20, 10])
        yield* host.retention.register(shelf.retainable("traces", traces))
        yield* settle
        host.jump(10 * 365 * day)
        yield* pass("23 hours")
        assert.deepStrictEqual(shelf.ages, [30, 20, 10])
        assert.match(host.lines[0] ?? "", /more than a month later than expected/)
        const [result] = yield* host.retention.sweep()
        assert.isTrue(result?.ageLimitSkipped)
        // Limits that do not depend on the clock still apply.
        shelf.items = new Shelf([30, 20, 10, 5]).items
        yield* pass("1 hour")
        assert.deepStrictEqual(shelf.ages, [20, 10, 5])
        host.jump(-10 * 365 * day)
        yield* pass("100 days")
        assert.deepStrictEqual(shelf.ages, [])
      }),
  )

  test("trusts a clock that stays ahead for a day of running", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([30])
      yield* host.retention.register(shelf.retainable("events", events))
      yield* settle
      host.jump(90 * day)
      yield* pass("24 hours")
      assert.deepStrictEqual(shelf.ages, [30])
      yield* pass("1 hour")
      assert.deepStrictEqual(shelf.ages, [])
    }),
  )

  test(
    "distrusts a wrong clock at the start, by the newest item of the store",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [old, idle] = [new Shelf([90, 30]), new Shelf([61, 31])]
        host.jump(5 * day)
        yield* host.retention.register(old.retainable("events", events))
        yield* host.retention.register(idle.retainable("events", events))
        yield* settle
        assert.deepStrictEqual(
          [old.ages, idle.ages],
          [
            [90, 30],
            [61, 31],
          ],
        )
        host.jump(-4 * day)
        yield* pass("1 hour")
        assert.deepStrictEqual([old.ages, idle.ages], [[30], [61, 31]])
      }),
  )

  test("logs a failed sweep, sweeps the other stores, and retries in an hour", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const [a, b] = [new Shelf([90, 1]), new Shelf([90, 1])]
      a.failing = true
      yield* host.retention.register(a.retainable("a", events))
      yield* host.retention.register(b.retainable("b", events))
      yield* settle
      assert.deepStrictEqual([a.ages, b.ages], [[90, 1], [1]])
      assert.include(host.lines, "The sweep of a failed: the shelf has fallen over")
      const [result] = yield* host.retention.sweep()
      assert.strictEqual(result?.failed, "the shelf has fallen over")
      a.failing = false
      yield* pass("1 hour")
      assert.deepStrictEqual(a.ages, [1])
    }),
  )

  test(
    "treats a defect of a store or of its limits as a failure, and retries in an hour",
    { ...forever, eventsDays: 60 },
    (host) =>
      Effect.gen(function* () {
        const [a, b] = [new Shelf([90, 1]), new Shelf([90, 1])]
        a.dying = true
        let isBroken = true
        const limits = (policy: Policy): StoreLimits => {
          if (isBroken) throw new Error("no limits")
          return events(policy)
        }
        yield* host.retention.register(a.retainable("a", events))
        yield* host.retention.register(b.retainable("b", limits))
        yield* settle
        assert.deepStrictEqual(
          host.lines.map((line) => line.split(",")[0]),
          ["The sweep of a failed: the shelf is gone", "The sweep of b failed: no limits"],
        )
        const results = yield* host.retention.sweep()
        assert.deepStrictEqual(
          results.map(({ failed }) => failed),
          ["the shelf is gone", "no limits"],
        )
        a.dying = false
        isBroken = false
        yield* pass("1 hour")
        assert.deepStrictEqual([a.ages, b.ages], [[1], [1]])
      }),
  )

  test("stops sweeping a store when its Scope closes", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const shelf = new Shelf([1])
      const scope = yield* Scope.make()
      yield* Scope.provide(host.retention.register(shelf.retainable("events", events)), scope)
      yield* pass("2 hours")
      assert.strictEqual(shelf.requests.length, 3)
      yield* Scope.close(scope, Exit.void)
      yield* pass("2 hours")
      assert.strictEqual(shelf.requests.length, 3)
      assert.deepStrictEqual(yield* host.retention.sweep(), [])
    }),
  )

  test("sweeps one store at a time", { ...forever, eventsDays: 60 }, (host) =>
    Effect.gen(function* () {
      const [a, b] = [new Shelf([90, 80, 0]), new Shelf([90, 0])]
      a.gate.closeUnsafe()
      yield* host.retention.register(a.retainable("a", events))
      yield* host.retention.register(b.retainable("b", events))
      yield* pass("1 minute")
      assert.deepStrictEqual(b.ages, [90, 0])
      a.gate.openUnsafe()
      yield* settle
      assert.deepStrictEqual([a.ages, b.ages], [[0], [0]])
    }),
  )
})
