/** Generated programs of publishing, subscribing and reading: the bus is compared with a model that keeps every event. */
import { assert, it } from "@effect/vitest"
import * as Event from "@signalbox/core/Event"
import { EventBus, EventCapacity, type Gap } from "@signalbox/core/EventBus"
import { Effect, Exit, Fiber, Layer, Schema, Scope, Stream } from "effect"
import * as FastCheck from "fast-check"

class A extends Event.Class<A>()("model.a", { id: Schema.Int }) {}
class B extends Event.Class<B>()("model.b", { id: Schema.Int }) {}
class E extends Event.Class<E>()("model.e", { id: Schema.Int }, { durable: false }) {}
const classes = [A, B, E] as const

const capacity = 7

type Step =
  | { readonly step: "publish"; readonly classes: ReadonlyArray<0 | 1 | 2>; readonly single: boolean }
  | {
      readonly step: "subscribe"
      readonly types: ReadonlyArray<0 | 1 | 2> | undefined
      readonly after: number | "foreign" | "future" | undefined
    }
  | { readonly step: "take"; readonly subscriber: number }
  | { readonly step: "leave"; readonly subscriber: number }
  | { readonly step: "turn" }

const aClass = FastCheck.constantFrom(0 as const, 1 as const, 2 as const)
const types = FastCheck.option(FastCheck.uniqueArray(aClass, { minLength: 1 }), { nil: undefined })
const aStep: FastCheck.Arbitrary<Step> = FastCheck.oneof(
  {
    weight: 5,
    arbitrary: FastCheck.record({
      step: FastCheck.constant("publish"),
      classes: FastCheck.array(aClass, { maxLength: 10 }),
      single: FastCheck.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: FastCheck.record({
      step: FastCheck.constant("subscribe"),
      types,
      after: FastCheck.oneof(
        { weight: 2, arbitrary: FastCheck.constant(undefined) },
        { weight: 6, arbitrary: FastCheck.nat({ max: 40 }) },
        FastCheck.constantFrom("foreign" as const, "future" as const),
      ),
    }),
  },
  {
    weight: 5,
    arbitrary: FastCheck.record({ step: FastCheck.constant("take"), subscriber: FastCheck.nat({ max: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: FastCheck.record({ step: FastCheck.constant("leave"), subscriber: FastCheck.nat({ max: 5 }) }),
  },
  { weight: 1, arbitrary: FastCheck.record({ step: FastCheck.constant("turn") }) },
)

interface LoggedEvent {
  readonly cursor: Event.Cursor
  readonly event: Event.AnyEvent
}

/** The model of one subscriber: an index into the log of all events. */
class SubscriberModel {
  next: number
  /** The cursor before `next`. */
  cursor: Event.Cursor
  joining:
    | { readonly reason: Gap["reason"]; readonly from: Event.Cursor; readonly lost: ReadonlyArray<LoggedEvent> }
    | undefined
  readonly log: ReadonlyArray<LoggedEvent>
  readonly wants: (entry: LoggedEvent) => boolean
  constructor(log: ReadonlyArray<LoggedEvent>, start: Event.Cursor, wants: (entry: LoggedEvent) => boolean) {
    this.log = log
    this.wants = wants
    this.next = log.length
    this.cursor = log.at(-1)?.cursor ?? start
  }

  join(after: Event.Cursor, start: Event.Cursor): void {
    const tail = Math.max(0, this.log.length - capacity)
    const index = this.log.findIndex((entry) => Event.compareCursors(entry.cursor, after) > 0)
    const isForeign = after.epoch !== start.epoch || Event.compareCursors(after, this.log.at(-1)?.cursor ?? start) > 0
    const first = isForeign ? tail : index < 0 ? this.log.length : index
    if (isForeign) this.joining = { reason: "other-epoch", from: after, lost: [] }
    else if (first < tail) {
      const lost = this.log.slice(first, tail).filter(this.wants)
      if (lost.length > 0) this.joining = { reason: "pruned", from: after, lost }
    }
    this.next = Math.max(first, tail)
    this.cursor = this.log[this.next - 1]?.cursor ?? start
  }

  get lag(): number {
    return this.log.slice(this.next).filter(this.wants).length
  }

  get isBehind(): boolean {
    return this.joining !== undefined || this.lag > 0
  }

  /** Compares the taken items with the log. */
  check(items: ReadonlyArray<Event.Envelope | Gap>, start: Event.Cursor): void {
    const rest = [...items]
    const tail = Math.max(0, this.log.length - capacity)
    const { joining } = this
    if (joining !== undefined) {
      const gap = rest.shift()
      assert.isTrue(gap?._tag === "Gap" && gap.reason === joining.reason)
      if (gap?._tag !== "Gap") return
      if (joining.reason === "other-epoch") assert.deepStrictEqual(gap.from, joining.from)
      else checkGap(gap, joining.from, joining.lost, undefined)
    }
    const lost = this.log.slice(this.next, Math.max(this.next, tail)).filter(this.wants)
    if (lost.length > 0) {
      const gap = rest.shift()
      assert.isTrue(gap?._tag === "Gap" && gap.reason === "slow")
      if (gap?._tag === "Gap") checkGap(gap, this.cursor, lost, lost.length)
    }
    const expected = this.log.slice(Math.max(this.next, tail)).filter(this.wants)
    assert.deepStrictEqual(
      rest.map((item) => (item._tag === "Envelope" ? { cursor: item.cursor, event: item.event } : item)),
      [...expected],
    )
    this.joining = undefined
    this.next = this.log.length
    this.cursor = this.log.at(-1)?.cursor ?? start
  }
}

const checkGap = (
  gap: Gap,
  before: Event.Cursor,
  lost: ReadonlyArray<LoggedEvent>,
  missing: number | undefined,
): void => {
  const [first, last] = [lost[0]!, lost.at(-1)!]
  assert.isAbove(Event.compareCursors(gap.from, before), 0)
  assert.isAtMost(Event.compareCursors(gap.from, first.cursor), 0)
  assert.deepStrictEqual(gap.to, last.cursor)
  if (missing !== undefined || gap.missing !== undefined) assert.strictEqual(gap.missing, lost.length)
}

interface Reading {
  readonly model: SubscriberModel
  readonly scope: Scope.Closeable
  readonly pull: Effect.Effect<ReadonlyArray<Event.Envelope | Gap>, unknown>
  /** A pull that waits for events. */
  waiting: Fiber.Fiber<ReadonlyArray<Event.Envelope | Gap>, unknown> | undefined
}

const runSteps = Effect.fnUntraced(function* (steps: ReadonlyArray<Step>) {
  const bus = yield* EventBus
  const start = yield* bus.cursor
  const log: Array<LoggedEvent> = []
  const readings: Array<Reading> = []
  let id = 0
  const publish = Effect.fnUntraced(function* (events: ReadonlyArray<Event.AnyEvent>) {
    for (const event of events) {
      const { n, sequence } = log.at(-1)?.cursor ?? start
      const { epoch } = start
      const cursor = Event.isEphemeral(event) ? { epoch, sequence, n: (n ?? 0) + 1 } : { epoch, sequence: sequence + 1 }
      log.push({ cursor, event })
    }
    const [first] = events
    yield* events.length === 1 && first !== undefined ? bus.publish(first) : bus.publishAll(events)
    // The publisher may have ended the turn, which wakes waiting subscribers.
    for (const reading of readings) settle(reading, start)
  })
  for (const step of steps) {
    switch (step.step) {
      case "publish": {
        const events = step.classes.map((index) => new classes[index]({ id: id++ }))
        if (step.single) yield* Effect.forEach(events, (event) => publish([event]))
        else yield* publish(events)
        break
      }
      case "subscribe": {
        const wanted = step.types?.map((index) => classes[index])
        const wants = ({ event }: LoggedEvent) => wanted === undefined || wanted.some((one) => one.type === event._tag)
        const model = new SubscriberModel(log, start, wants)
        const after = cursorOf(step.after, log, start)
        if (after !== undefined) model.join(after, start)
        const scope = yield* Scope.make()
        const options = {
          ...(wanted === undefined ? {} : { types: wanted }),
          ...(after === undefined ? {} : { after }),
        }
        const pull = yield* bus.subscribe(options).pipe(
          Effect.flatMap((stream: Stream.Stream<Event.Envelope | Gap>) => Stream.toPull(stream)),
          Scope.provide(scope),
        )
        readings.push({ model, scope, pull, waiting: undefined })
        break
      }
      case "take": {
        const reading = readings[step.subscriber % Math.max(1, readings.length)]
        if (reading === undefined || reading.waiting !== undefined) break
        if (reading.model.isBehind) reading.model.check(yield* reading.pull, start)
        else reading.waiting = yield* Effect.forkChild(reading.pull, { startImmediately: true })
        break
      }
      case "leave": {
        const [reading] = readings.splice(step.subscriber, 1)
        if (reading === undefined) break
        yield* Scope.close(reading.scope, Exit.void)
        // A waiting pull ends.
        if (reading.waiting !== undefined) assert.isTrue(Exit.isFailure(yield* Fiber.await(reading.waiting)))
        break
      }
      case "turn": {
        yield* Effect.yieldNow
        for (const reading of readings) {
          const { model, waiting } = reading
          if (waiting !== undefined) assert.strictEqual(waiting.pollUnsafe() !== undefined, model.isBehind)
          settle(reading, start)
        }
      }
    }
    assert.deepStrictEqual(yield* bus.cursor, log.at(-1)?.cursor ?? start)
    assert.deepStrictEqual(
      (yield* bus.subscribers).map(({ lagEvents }) => lagEvents),
      readings.map(({ model }) => model.lag),
    )
  }
})

const settle = (reading: Reading, start: Event.Cursor): void => {
  const exit = reading.waiting?.pollUnsafe()
  if (exit === undefined) return
  reading.waiting = undefined
  if (Exit.isFailure(exit)) assert.fail(String(exit.cause))
  else reading.model.check(exit.value, start)
}

const cursorOf = (
  after: number | "foreign" | "future" | undefined,
  log: ReadonlyArray<LoggedEvent>,
  start: Event.Cursor,
): Event.Cursor | undefined => {
  if (after === undefined) return undefined
  if (after === "foreign") return { epoch: "foreign", sequence: 1 }
  if (after === "future") return { epoch: start.epoch, sequence: (log.at(-1)?.cursor.sequence ?? 0) + 1 }
  return after === 0 ? start : (log[(after - 1) % Math.max(1, log.length)]?.cursor ?? start)
}

const isTorture = process.env["SIGNALBOX_TORTURE"] === "1"
const runs = isTorture ? 20_000 : 300

it(
  `delivers the same events and Gaps as a log of all events (${runs} programs)`,
  () =>
    FastCheck.assert(
      FastCheck.asyncProperty(FastCheck.array(aStep, { minLength: 5, maxLength: 60, size: "max" }), (steps) =>
        Effect.runPromise(
          runSteps(steps).pipe(
            Effect.provide(Layer.provide(Layer.fresh(EventBus.layer), Layer.succeed(EventCapacity, capacity))),
          ),
        ),
      ),
      { numRuns: runs },
    ),
  isTorture ? 600_000 : 60_000,
)
