/**
 * Compares the EventBus with a sliding Effect `PubSub`, whose publishers never wait either, and with event emitters. A round ends when every
 * subscriber has seen every event. Consumers of both kinds read arrays of events.
 */
import { EventEmitter } from "node:events"
import * as Event from "@signalbox/core/Event"
import { EventBus, type Gap } from "@signalbox/core/EventBus"
import { Context, Effect, Exit, Layer, PubSub, Scheduler, Schema, Scope, Stream } from "effect"
import Emittery from "emittery"
import mitt from "mitt"
import { Subject } from "rxjs"
import { type Case, interleave, type Row, report } from "./measure.ts"

// mitt declares a CommonJS type, but Node loads its ES module.
const makeMitt = mitt as unknown as typeof mitt.default

class RouteMoved extends Event.Class<RouteMoved>()("route.moved", { route: Schema.String, hops: Schema.Int }) {}
const event = new RouteMoved({ route: "a", hops: 1 })

/** Counts the events that all subscribers have seen together. A round waits for its number. */
class Tally {
  #seen = 0
  #goal = Number.POSITIVE_INFINITY
  #reached: () => void = () => {}
  add(count: number): void {
    this.#seen += count
    if (this.#seen >= this.#goal) this.#reached()
  }
  /** Resolves when `count` more events were seen. Call it before publishing. */
  more(count: number): Promise<void> {
    this.#goal = this.#seen + count
    return new Promise((resolve) => {
      this.#reached = () => {
        this.#goal = Number.POSITIVE_INFINITY
        resolve()
      }
    })
  }
}

interface Contender {
  readonly subscribers: number
  readonly tally: Tally
  readonly publish: (event: RouteMoved) => Effect.Effect<unknown>
  readonly publishAll: (events: ReadonlyArray<RouteMoved>) => Effect.Effect<unknown>
}

/** The number of events that Gaps report as lost. All subscribers keep up, so it must stay 0. */
let lost = 0

const missing = (item: Event.Envelope | Gap): number => (item._tag === "Gap" ? (item.missing ?? Number.NaN) : 0)

const signalbox = (subscribers: number) =>
  Effect.gen(function* () {
    const bus = Context.get(yield* Layer.build(Layer.fresh(EventBus.layer)), EventBus)
    const tally = new Tally()
    for (let index = 0; index < subscribers; index++) {
      const stream = yield* bus.subscribe()
      yield* Effect.forkScoped(
        Stream.runForEachArray(stream, (items) =>
          Effect.sync(() => {
            // Only the first item can be a Gap.
            const gap = missing(items[0])
            lost += gap
            tally.add(gap === 0 ? items.length : items.length - 1 + gap)
          }),
        ),
      )
    }
    return { subscribers, tally, publish: bus.publish, publishAll: bus.publishAll } satisfies Contender
  })

const raw = (subscribers: number, make: Effect.Effect<PubSub.PubSub<RouteMoved>>) =>
  Effect.gen(function* () {
    const pubsub = yield* make
    const tally = new Tally()
    for (let index = 0; index < subscribers; index++) {
      const subscription = yield* PubSub.subscribe(pubsub)
      yield* Effect.forkScoped(
        Stream.runForEachArray(Stream.fromSubscription(subscription), (items) =>
          Effect.sync(() => tally.add(items.length)),
        ),
      )
    }
    return {
      subscribers,
      tally,
      publish: (event) => PubSub.publish(pubsub, event),
      publishAll: (events) => PubSub.publishAll(pubsub, events),
    } satisfies Contender
  })

/** A strategy that wakes subscribers once per turn. It still wakes all of them for every type, and does not count lost events. */
class DeferredStrategy<A> extends PubSub.SlidingStrategy<A> {
  readonly #dispatcher = new Scheduler.MixedScheduler().makeDispatcher()
  #isScheduled = false
  override completeSubscribersUnsafe(pubsub: PubSub.PubSub.Atomic<A>, subscribers: PubSub.PubSub.Subscribers<A>): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#dispatcher.scheduleTask(() => {
      this.#isScheduled = false
      super.completeSubscribersUnsafe(pubsub, subscribers)
    }, 0)
  }
}

const deferring = Effect.map(
  raw(
    3,
    PubSub.make<RouteMoved>({
      atomicPubSub: () => PubSub.makeAtomicBounded(1024),
      strategy: () => new DeferredStrategy(),
    }),
  ),
  (contender): Contender => {
    let published = 0
    const publish = (event: RouteMoved) => {
      published = (published + 1) % 512
      return published === 0 ? Effect.andThen(contender.publish(event), Effect.yieldNow) : contender.publish(event)
    }
    return { ...contender, publish }
  },
)

type Pattern = (contender: Contender, count: number) => Effect.Effect<void>

const burst: Pattern = ({ publish }, count) =>
  Effect.gen(function* () {
    for (let index = 0; index < count; index++) yield* publish(event)
  })
const burstsOf100: Pattern = ({ publish }, count) =>
  Effect.gen(function* () {
    for (let index = 0; index < count; index++) {
      yield* publish(event)
      if (index % 100 === 99) yield* Effect.yieldNow
    }
  })
const publishers32: Pattern = (contender, count) =>
  Effect.forEach(Array.from({ length: 32 }), () => burst(contender, count / 32), {
    concurrency: "unbounded",
    discard: true,
  })
const batch = Array.from({ length: 100 }, () => event)
const batchesOf100: Pattern = ({ publishAll }, count) =>
  Effect.gen(function* () {
    for (let index = 0; index < count; index += 100) yield* publishAll(batch)
  })
const onePerTurn: Pattern = ({ publish }, count) =>
  Effect.gen(function* () {
    for (let index = 0; index < count; index++) {
      yield* publish(event)
      yield* Effect.yieldNow
    }
  })

const round =
  (contender: Contender, pattern: Pattern, count: number): Case =>
  async () => {
    const seen = contender.tally.more(count * contender.subscribers)
    await Effect.runPromise(pattern(contender, count))
    await seen
    return count
  }

const start = <A>(scope: Scope.Scope, effect: Effect.Effect<A, never, Scope.Scope>): Promise<A> =>
  Effect.runPromise(Scope.provide(effect, scope))

const againstPubSub = async (scope: Scope.Scope): Promise<void> => {
  const ours = await start(scope, signalbox(3))
  const sliding = await start(scope, raw(3, PubSub.sliding(1024)))
  const bounded = await start(scope, raw(3, PubSub.bounded(1024)))
  const deferred = await start(scope, deferring)
  const patterns: ReadonlyArray<readonly [string, Pattern, number, number]> = [
    ["publish in one burst", burst, 25_600, 5],
    ["publish in bursts of 100", burstsOf100, 25_600, 5],
    ["publish by 32 fibers", publishers32, 25_600, 3],
    ["publishAll(100)", batchesOf100, 102_400, 1.3],
    ["publish once a turn", onePerTurn, 6_400, 1],
  ]
  const rows: Array<Row> = []
  for (const [name, pattern, count, target] of patterns) {
    const cases: Record<"ours" | "sliding" | "bounded" | "deferred", Case> = {
      ours: round(ours, pattern, count),
      sliding: round(sliding, pattern, count),
      bounded: round(bounded, pattern, count),
      // It yields after single events only.
      deferred: pattern === burst ? round(deferred, pattern, count) : () => 1,
    }
    const best = await interleave(cases)
    rows.push({ name, ratio: best.sliding / best.ours, target: ["≥", target] })
    rows.push({ name: `${name}, against a bounded one`, ratio: best.bounded / best.ours })
    if (pattern === burst) {
      rows.push({ name: `${name}, against one that defers its wakes`, ratio: best.deferred / best.ours })
    }
  }
  report("bus: speed of the EventBus, raw sliding Effect PubSub = 1, 3 subscribers", rows)
}

/** The burst of single events for emitters, which call their listeners synchronously. */
const emitters = (subscribers: number, count: number): Record<string, Case> => {
  let seen = 0
  const events = new EventEmitter().setMaxListeners(0)
  const small = makeMitt<{ moved: RouteMoved }>()
  const subject = new Subject<RouteMoved>()
  const awaited = new Emittery<{ moved: RouteMoved }>()
  for (let index = 0; index < subscribers; index++) {
    // Each needs its own function: mitt and Emittery register the same function only once.
    const listener = () => {
      seen++
    }
    events.on("moved", listener)
    small.on("moved", listener)
    subject.subscribe(listener)
    awaited.on("moved", listener)
  }
  const checked =
    (published: number, emit: () => void | Promise<void>): Case =>
    async () => {
      seen = 0
      const emitting = emit()
      if (emitting !== undefined) await emitting
      if (seen !== published * subscribers) throw new Error(`${seen} of ${published * subscribers} were seen`)
      return published
    }
  const each = (emit: () => unknown): Case =>
    checked(count, () => {
      for (let index = 0; index < count; index++) emit()
    })
  return {
    EventEmitter: each(() => events.emit("moved", event)),
    mitt: each(() => small.emit("moved", event)),
    RxJS: each(() => subject.next(event)),
    // It is far slower, so it gets a tenth of the events.
    emittery: checked(count / 10, async () => {
      for (let index = 0; index < count / 10; index++) await awaited.emit("moved", event)
    }),
  }
}

const againstEmitters = async (): Promise<void> => {
  const rows: Array<Row> = []
  for (const [subscribers, count] of [
    [1, 25_600],
    [3, 25_600],
    [100, 5_120],
    [1000, 1_280],
  ] as const) {
    const scope = Scope.makeUnsafe()
    const ours = await start(scope, signalbox(subscribers))
    const peers = emitters(subscribers, count)
    const { ours: own = Number.NaN, ...others } = await interleave<string>(
      { ours: round(ours, burst, count), ...peers },
      5,
    )
    for (const [name, other] of Object.entries(others)) {
      rows.push({ name: `${name}, ${subscribers} subscribers`, ratio: other / own })
    }
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  report("bus: speed of single publish in one burst, each peer = 1", rows)
}

export const run = async (): Promise<void> => {
  const scope = Scope.makeUnsafe()
  await againstPubSub(scope)
  await Effect.runPromise(Scope.close(scope, Exit.void))
  await againstEmitters()
  report("bus: nothing lost", [{ name: "events lost by subscribers that keep up", ratio: lost, target: ["≤", 0] }])
}
