/** One order of typed events. A slow subscriber holds up nobody; what it lost stands in its stream as a `Gap`. */
import { Context, type Effect, Schema, type Scope, type Stream } from "effect"
import { type AnyEvent, Cursor, type Declaration, type Envelope } from "./Event.ts"

/**
 * Every event of this subscription whose place is between `from` and `to` (both inclusive) is not in this stream. `slow`: the
 * subscriber lagged by more than the capacity. `pruned`: history before the oldest kept event is gone. `other-epoch`: `from` is no place
 * in this bus's order, so what lies between is not known; all that is kept follows.
 */
export class Gap extends Schema.TaggedClass<Gap>()("Gap", {
  from: Cursor,
  to: Cursor,
  reason: Schema.Literals(["slow", "pruned", "other-epoch"]),
  /** Exactly how many events of this subscription are missing; absent where that cannot be known. Always there for `slow`. */
  missing: Schema.optionalKey(Schema.Int),
}) {}

export interface PublishOptions {
  /** The configuration in force from these events on. */
  readonly revision?: number
  /** What these events follow from: another event's cursor, or a request's id. */
  readonly causationId?: string
}

/** A type is named by its string or by its event class; classes type the stream. */
export type TypeSelector = string | (Declaration & { readonly Type: AnyEvent })

export type Selected<T> = T extends string
  ? string extends T
    ? AnyEvent
    : AnyEvent & { readonly _tag: T }
  : T extends { readonly Type: infer E }
    ? E
    : never

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

export interface Subscriber {
  readonly name: string
  /** Empty: all types. */
  readonly types: ReadonlyArray<string>
  /** Events of its types that it has not taken, those included that it has already lost. */
  readonly lagEvents: number
  /** Age of the oldest of them; where that one is already lost, the time since the subscriber last took any. */
  readonly lagMillis: number
}

export class EventBus extends Context.Service<
  EventBus,
  {
    /** Never waits for a subscriber. */
    readonly publish: (event: AnyEvent, options?: PublishOptions) => Effect.Effect<void>
    /** One commit's events: they stay together and in this order. */
    readonly publishAll: (events: ReadonlyArray<AnyEvent>, options?: PublishOptions) => Effect.Effect<void>
    /** Complete when the effect returns: nothing published later is missed. The stream is for one consumer. */
    readonly subscribe: <const Types extends ReadonlyArray<TypeSelector> = ReadonlyArray<string>>(
      options?: SubscribeOptions<Types>,
    ) => Effect.Effect<Stream.Stream<Envelope<Selected<Types[number]>> | Gap>, never, Scope.Scope>
    /** The place of the newest event: read it together with state, then subscribe `after` it. */
    readonly cursor: Effect.Effect<Cursor>
    /** Everyone who is subscribed now, with its lag. */
    readonly subscribers: Effect.Effect<ReadonlyArray<Subscriber>>
  }
>()("@signalbox/core/EventBus") {}
