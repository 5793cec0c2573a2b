/**
 * Typed facts. An event is declared once, with a dotted lower-case type that is its `_tag`, the SSE event name and the log field;
 * the envelope adds its place in the order of events. Payloads carry ids, paths and numbers: never a secret, never a whole document.
 * They travel as CloudEvents, and a registry of event classes reads them again, older schema versions too.
 */
import { Schema } from "effect"
import type { Cursor } from "./internal/Event/Cursor.ts"

export {
  CloudEvent,
  EventError,
  InvalidData,
  Malformed,
  NewerVersion,
  type Registry,
  registry,
  UnknownType,
} from "./internal/Event/CloudEvents.ts"
export { Cursor, formatCursor, parseCursor } from "./internal/Event/Cursor.ts"

/** What every event has; declared ones are tagged Schema classes. */
export interface AnyEvent {
  readonly _tag: string
  /** On the prototype of the events that are declared with `durable: false`. */
  readonly [ephemeral]?: true
}

// On the prototype: looking at the event is cheaper for the bus than looking up its class.
const ephemeral: unique symbol = Symbol.for("@signalbox/core/Event/ephemeral")

/** Whether the event is of a class that was declared with `durable: false`. */
export const isEphemeral = (event: AnyEvent): boolean => event[ephemeral] === true

/** Lifts the JSON payload (without `_tag`) of one schema version to the next. */
export type Upcaster = (data: Schema.JsonObject) => Schema.JsonObject

/** What a declared event class says of itself. */
export interface Declaration<out Type extends string = string> {
  readonly type: Type
  /** Durable events have sequence numbers of their own and belong into a journal; ephemeral ones have neither. */
  readonly durable: boolean
  /** `upcasters[0]` lifts version 1 to 2, and so on. */
  readonly upcasters: ReadonlyArray<Upcaster>
  /** Of the payload's schema: `upcasters.length + 1`, so that the two cannot disagree. */
  readonly version: number
}

/** Any declared event class whose payload needs no services. */
export interface AnyClass extends Declaration, Schema.ConstraintCodec<AnyEvent, unknown> {}

/** The class that `Event.Class` makes: a tagged Schema class with its declaration as static members. */
export interface Class<Self, Type extends string, Fields extends Schema.Struct.Fields>
  extends Schema.Class<Self, Schema.TaggedStruct<Type, Fields>, {}>,
    Declaration<Type> {}

/**
 * Declares an event:
 * ```ts
 * class RouteMoved extends Event.Class<RouteMoved>()("route.moved", { route: Schema.String, hops: Schema.Int }) {}
 * bus.publish(new RouteMoved({ route: "a", hops: 2 }))
 * ```
 */
export const Class =
  <Self = never>() =>
  <const Type extends `${string}.${string}`, const Fields extends Schema.Struct.Fields>(
    type: Type,
    fields: Fields,
    options: { readonly durable?: boolean; readonly upcasters?: ReadonlyArray<Upcaster> } = {},
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends Event.Class<Self>()(...)`"
    : Class<Self, Type, Fields> => {
    const { durable = true, upcasters = [] } = options
    const base = Schema.TaggedClass<AnyEvent>()(type, fields)
    const declaration: Declaration<Type> = { type, durable, upcasters, version: upcasters.length + 1 }
    if (!durable) Object.defineProperty(base.prototype, ephemeral, { value: true })
    // Whether `Self` was given cannot be decided inside: the conditional type stays open.
    return Object.assign(base, declaration) as never
  }

/** An event and what the bus knows of it. */
export interface Envelope<out E = AnyEvent> {
  readonly _tag: "Envelope"
  readonly cursor: Cursor
  /** Milliseconds since 1970. */
  readonly time: number
  /** Who publishes: a URI reference, the same for all events of one bus. */
  readonly source: string
  /** The configuration in force. */
  readonly revision: number
  /** What this event follows from: the cursor of another event, or the id of a request. */
  readonly causationId?: string
  readonly event: E
}
