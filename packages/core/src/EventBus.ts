/**
 * One order of typed events for all subscribers. All of them read from one ring of the newest events, so that a slow one holds up nobody:
 * it loses its own oldest, and a `Gap` in its stream says exactly how many. Publishing never waits for a subscriber and never runs one:
 * those that wait for a type that was published are woken once a turn of the event loop. The bus lives in memory and keeps nothing beyond
 * its capacity; what must outlive the process needs a journal.
 *
 * The ring is its own and not an Effect `PubSub`: one with an own strategy is as fast or faster (`npm run bench -- bus`), but wakes everyone for
 * every type, starts nobody at a place in the past, and does not know how much of what he asked for somebody has lost.
 */
import { Cause, Clock, Context, Effect, type Fiber, Layer, Random, type Scope, Stream } from "effect"
import type { AnyEvent, Cursor, Declaration, Envelope } from "./Event.ts"
import { BusState, type Items, type Subscription } from "./internal/EventBus/BusState.ts"
import type { Gap } from "./internal/EventBus/Gap.ts"
import { coalesce, failWhenLagging } from "./internal/EventBus/SubscriberLagging.ts"

export { Gap } from "./internal/EventBus/Gap.ts"
export { SubscriberLagging } from "./internal/EventBus/SubscriberLagging.ts"

/** Who publishes, in every envelope: a URI reference. Read when the bus is built. */
export const EventSource: Context.Reference<string> = Context.Reference("@signalbox/core/EventSource", {
  defaultValue: () => "signalbox",
})

/**
 * How many events the bus keeps, at least 4, by default 1024: history for `after`, and how far a subscriber may lag before it loses events.
 * A publication larger than half of it may be lost in part even by those that keep up. Read when the bus is built.
 */
export const EventCapacity: Context.Reference<number> = Context.Reference("@signalbox/core/EventCapacity", {
  defaultValue: () => 1024,
})

/** What the envelopes of a publication say beside its events. */
export interface PublishOptions {
  /** The configuration in force from these events on. */
  readonly revision?: number
  /** What these events follow from: another event's cursor, or a request's id. */
  readonly causationId?: string
}

/** A type is named by its string or by its event class; classes type the stream. */
export type TypeSelector = string | (Declaration & { readonly Type: AnyEvent })

/** The events that a selector lets through. */
export type Selected<T> = T extends string
  ? string extends T
    ? AnyEvent
    : AnyEvent & { readonly _tag: T }
  : T extends { readonly Type: infer E }
    ? E
    : never

/** What to subscribe to, and from where. */
export interface SubscribeOptions<Types extends ReadonlyArray<TypeSelector> = ReadonlyArray<TypeSelector>> {
  /** Only these; all without it. Foreign events neither wake the subscriber nor count in its lag and gaps. */
  readonly types?: Types
  /** Kept history after this place first, then live events, without a hole or a repeat. */
  readonly after?: Cursor
  /** `all` includes what other processes published into the same journal; without a journal there is nothing more than `here`. */
  readonly from?: "here" | "all"
  /** For people, in `subscribers`. */
  readonly name?: string
}

/** Who is subscribed, and how far behind. */
export interface Subscriber {
  readonly name: string
  /** `undefined`: all types. */
  readonly types: ReadonlyArray<string> | undefined
  /** Events of its types that it has not taken, those included that it has already lost. */
  readonly lagEvents: number
  /** Age of the oldest of them; where that one is already lost, the time since the subscriber last took any. */
  readonly lagMillis: number
}

/** The events of one process. Publish what you own, after it is true; subscribe to what you must know. */
export class EventBus extends Context.Service<
  EventBus,
  {
    /**
     * Never waits for a subscriber to act. After half the capacity in one turn it yields before it returns, for one turn or, while somebody
     * is busy with what it took, a few more (33 at most): subscribers that do not sleep lose nothing to a publisher that does not either.
     */
    readonly publish: (event: AnyEvent, options?: PublishOptions) => Effect.Effect<void>
    /** One commit's events: they stay together and in this order. */
    readonly publishAll: (events: ReadonlyArray<AnyEvent>, options?: PublishOptions) => Effect.Effect<void>
    /**
     * Complete when the effect returns: nothing published later is missed. The stream is for one consumer and ends with the Scope or the bus.
     * Subscribers share the ring: each costs no buffer, and their number has no bound here; who accepts strangers must bound them.
     */
    readonly subscribe: <const Types extends ReadonlyArray<TypeSelector> = ReadonlyArray<string>>(
      options?: SubscribeOptions<Types>,
    ) => Effect.Effect<Stream.Stream<Envelope<Selected<Types[number]>> | Gap>, never, Scope.Scope>
    /** The place of the newest event: read it together with state, then subscribe `after` it. */
    readonly cursor: Effect.Effect<Cursor>
    /** Everyone who is subscribed now, with its lag. */
    readonly subscribers: Effect.Effect<ReadonlyArray<Subscriber>>
  }
>()("@signalbox/core/EventBus") {
  /** In memory, with `EventCapacity` and `EventSource`. */
  static readonly layer: Layer.Layer<EventBus> = Layer.effect(
    EventBus,
    Effect.suspend(() => make),
  )
  /** Of the events that piled up, only the newest of each key. */
  static readonly coalesce = coalesce
  /** Fails with `SubscriberLagging` when the subscriber is more than so many events behind. */
  static readonly failWhenLagging = failWhenLagging
}

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
    // A task of the dispatcher runs once a turn; microtasks would run between any two of its tasks.
    if (state.beginTurn()) fiber.currentDispatcher.scheduleTask(wake, 0)
  }
  const makeRoom: Effect.Effect<void> = Effect.withFiber((fiber) => {
    if (!state.needsAnotherTurn()) return Effect.void
    beginTurn(fiber)
    return Effect.andThen(Effect.yieldNow, makeRoom)
  })
  const endTurn = Effect.andThen(Effect.yieldNow, makeRoom)

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
      // The filter leaves exactly the selected types; that an event's class belongs to its `_tag` is the owner's promise.
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

/** The chunks are what has piled up since the consumer last asked. */
const streamOf = (state: BusState, subscription: Subscription): Stream.Stream<Envelope | Gap> => {
  // The look and the wait are one step: between two, a fiber may be made to yield, and would miss its wake.
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
