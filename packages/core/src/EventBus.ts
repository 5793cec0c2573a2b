/**
 * One order of typed events for all subscribers. All subscribers read from one ring of the newest events, so a slow subscriber delays no
 * other: it loses its own oldest events, and a `Gap` in its stream counts them. Publishing never waits for a subscriber and never runs one.
 * The bus lives in memory and keeps at most its capacity: events that must survive the process need a journal.
 *
 * The ring replaces an Effect `PubSub`. A `PubSub` with its own strategy is as fast (`npm run bench -- bus`), but it wakes every subscriber
 * for every type, cannot start a subscriber at an earlier cursor, and does not count what a subscriber has lost.
 */
import { Cause, Clock, Context, Effect, type Fiber, Layer, Random, type Scope, Stream } from "effect"
import type { AnyEvent, Cursor, Declaration, Envelope } from "./Event.ts"
import { BusState, type Items, type Subscription } from "./internal/EventBus/BusState.ts"
import type { Gap } from "./internal/EventBus/Gap.ts"

export { Gap } from "./internal/EventBus/Gap.ts"

/** The `source` of every envelope, a URI reference. Read when the bus is built. Default: `signalbox`. */
export const EventSource: Context.Reference<string> = Context.Reference("@signalbox/core/EventSource", {
  defaultValue: () => "signalbox",
})

/**
 * The number of events that the bus keeps, at least 4. Read when the bus is built. Default: 1024.
 *
 * **Details**
 *
 * It bounds the history for `after`, and how far a subscriber may lag before it loses events. If one publication is larger than half the
 * capacity, even a subscriber that keeps up may lose a part of it.
 */
export const EventCapacity: Context.Reference<number> = Context.Reference("@signalbox/core/EventCapacity", {
  defaultValue: () => 1024,
})

/** The fields that the envelopes of one publication share. */
export interface PublishOptions {
  /** The revision of the configuration that is in force from these events on. */
  readonly revision?: number
  /** The cause of these events: another event's cursor, or a request's id. */
  readonly causationId?: string
}

/** A type by its name, or by its event class. Classes type the stream. */
export type TypeSelector = string | (Declaration & { readonly Type: AnyEvent })

/** The events that a selector selects. */
export type Selected<T> = T extends string
  ? string extends T
    ? AnyEvent
    : AnyEvent & { readonly _tag: T }
  : T extends { readonly Type: infer E }
    ? E
    : never

/** The types to subscribe to, and the cursor to start after. */
export interface SubscribeOptions<Types extends ReadonlyArray<TypeSelector> = ReadonlyArray<TypeSelector>> {
  /** Default: all types. Events of other types neither wake the subscriber nor count in its lag and gaps. */
  readonly types?: Types
  /** Delivers kept events after this cursor first, then live events, without a hole or a repeat. Default: live events only. */
  readonly after?: Cursor
  /** `all` includes events that other processes published into the same journal. Without a journal it is the same as `here`. */
  readonly from?: "here" | "all"
  /** Shown in `subscribers`. */
  readonly name?: string
}

/** A current subscriber and its lag. */
export interface Subscriber {
  readonly name: string
  /** `undefined`: all types. */
  readonly types: ReadonlyArray<string> | undefined
  /** The events of its types that it has not taken, including those that it has lost. */
  readonly lagEvents: number
  /** The age of the oldest of them. If that one is lost, the time since the subscriber last took events. */
  readonly lagMillis: number
}

/**
 * The events of one process: publish a fact after it is true, and subscribe to the types that you need.
 *
 * **Example** (Subscribing to one type)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { Event, EventBus } from "@signalbox/core"
 * import { Effect, Schema, Stream } from "effect"
 *
 * class RouteMoved extends Event.Class<RouteMoved>()("route.moved", { route: Schema.String }) {}
 *
 * const program = Effect.gen(function* () {
 *   const bus = yield* EventBus
 *   const events = yield* bus.subscribe({ types: [RouteMoved] })
 *   yield* bus.publish(new RouteMoved({ route: "a" }))
 *   return yield* Stream.runCollect(Stream.take(events, 1))
 * })
 *
 * const [first] = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(EventBus.layer)))
 * strictEqual(first?._tag === "Envelope" && first.event.route, "a")
 * ```
 */
export class EventBus extends Context.Service<
  EventBus,
  {
    /**
     * Publishes one event. Never waits for a subscriber to act.
     *
     * **Details**
     *
     * A publisher that has filled half the capacity in one turn of the event loop yields: for one turn, or for up to 33 turns while a
     * subscriber is busy with the events it took. So subscribers that do not sleep lose nothing to a publisher that does not sleep.
     */
    readonly publish: (event: AnyEvent, options?: PublishOptions) => Effect.Effect<void>
    /** Publishes the events of one commit: they stay together and in this order. */
    readonly publishAll: (events: ReadonlyArray<AnyEvent>, options?: PublishOptions) => Effect.Effect<void>
    /**
     * Subscribes to the selected types. When the effect returns, the subscription exists and misses no later event.
     *
     * **Details**
     *
     * The stream is for one consumer and ends with the `Scope` or the bus. Subscribers share the ring, so each costs no buffer. The bus does
     * not bound their number: a host that lets strangers subscribe must do that.
     *
     * **Example** (Reading state and then following it)
     *
     * ```ts
     * import { strictEqual } from "node:assert"
     * import { Event, EventBus } from "@signalbox/core"
     * import { Effect, Schema, Stream } from "effect"
     *
     * class Counted extends Event.Class<Counted>()("job.counted", { jobs: Schema.Int }) {}
     *
     * const program = Effect.gen(function* () {
     *   const bus = yield* EventBus
     *   // Read the state here, together with the cursor.
     *   const after = yield* bus.cursor
     *   yield* bus.publish(new Counted({ jobs: 1 }))
     *   const events = yield* bus.subscribe({ types: [Counted], after, name: "dashboard" })
     *   const [item] = yield* Stream.runCollect(Stream.take(events, 1))
     *   // A Gap counts lost events: read the state again.
     *   return item?._tag === "Gap" ? "read the state again" : item?.event.jobs
     * })
     *
     * strictEqual(await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(EventBus.layer))), 1)
     * ```
     */
    readonly subscribe: <const Types extends ReadonlyArray<TypeSelector> = ReadonlyArray<string>>(
      options?: SubscribeOptions<Types>,
    ) => Effect.Effect<Stream.Stream<Envelope<Selected<Types[number]>> | Gap>, never, Scope.Scope>
    /** The cursor of the newest event. Read it together with state, then subscribe `after` it. */
    readonly cursor: Effect.Effect<Cursor>
    /** The current subscribers with their lag. */
    readonly subscribers: Effect.Effect<ReadonlyArray<Subscriber>>
  }
>()("@signalbox/core/EventBus") {
  /** A bus in memory. Reads `EventCapacity` and `EventSource`. */
  static readonly layer: Layer.Layer<EventBus> = Layer.effect(
    EventBus,
    Effect.suspend(() => make),
  )
}

// `publish` and `subscribe` are hot paths: they have no spans.
const make = Effect.gen(function* () {
  const capacity = Math.max(4, Math.floor(yield* EventCapacity))
  const state = new BusState({
    epoch: yield* randomEpoch,
    capacity,
    source: yield* EventSource,
    clock: yield* Clock.Clock,
  })
  const wake = () => state.wake()
  yield* Effect.addFinalizer(() => Effect.sync(() => state.endAll()))

  const beginTurn = (fiber: Fiber.Fiber<unknown, unknown>): void => {
    // The dispatcher runs a task once per turn. A microtask would run between any two of its tasks.
    if (state.beginTurn()) fiber.currentDispatcher.scheduleTask(wake, 0)
  }
  const awaitSubscribers: Effect.Effect<void> = Effect.withFiber((fiber) => {
    if (!state.needsAnotherTurn()) return Effect.void
    beginTurn(fiber)
    return Effect.andThen(Effect.yieldNow, awaitSubscribers)
  })
  const endTurn = Effect.andThen(Effect.yieldNow, awaitSubscribers)

  const publish = (event: AnyEvent, options?: PublishOptions) =>
    Effect.withFiber<void>((fiber) => {
      beginTurn(fiber)
      state.publish(event, options?.revision, options?.causationId)
      return state.isTurnFull ? endTurn : Effect.void
    })

  const publishAll = (events: ReadonlyArray<AnyEvent>, options?: PublishOptions) =>
    Effect.withFiber<void>((fiber) => {
      beginTurn(fiber)
      state.publishAll(events, options?.revision, options?.causationId)
      return state.isTurnFull ? endTurn : Effect.void
    })

  const subscribe = <const Types extends ReadonlyArray<TypeSelector>>(options: SubscribeOptions<Types> = {}) =>
    Effect.acquireRelease(
      Effect.sync(() => state.subscribe(options.types?.map(typeOf), options.after, options.name)),
      (subscription) => Effect.sync(() => state.end(subscription)),
    ).pipe(
      // The state selects by `_tag`. Its owner guarantees that events with this tag are instances of the class.
      Effect.map(
        (subscription) => streamOf(state, subscription) as Stream.Stream<Envelope<Selected<Types[number]>> | Gap>,
      ),
    )

  return EventBus.of({
    publish,
    publishAll,
    subscribe,
    cursor: Effect.sync(() => state.ring.last),
    subscribers: Effect.sync(() => state.subscribers),
  })
})

/** The chunks of the stream are the events since the consumer's last pull. */
const streamOf = (state: BusState, subscription: Subscription): Stream.Stream<Envelope | Gap> => {
  // Checking for events and starting to wait are one step: a fiber that yielded between them would miss its wake.
  const pull = Effect.callback<Items, Cause.Done>((resume) => {
    if (subscription.ended) return resume(Cause.done())
    if (subscription.resume !== undefined) {
      return resume(Effect.die(`Two consumers of one subscription: ${subscription.name}`))
    }
    const taken = state.take(subscription)
    if (taken !== undefined) return resume(Effect.succeed(taken))
    subscription.resume = (items) => resume(items === undefined ? Cause.done() : Effect.succeed(items))
    return Effect.sync(() => {
      subscription.resume = undefined
    })
  })
  return Stream.fromPull(Effect.succeed(pull))
}

const typeOf = (selector: TypeSelector): string => (typeof selector === "string" ? selector : selector.type)

const randomEpoch = Effect.map(
  Effect.all([Random.nextIntBetween(0, 2 ** 32), Random.nextIntBetween(0, 2 ** 32)]),
  (parts) => parts.map((part) => part.toString(36).padStart(7, "0")).join(""),
)
