/**
 * Typed events. An event is declared once, with a dotted lower-case type that is also its `_tag`, its SSE event name and its log field.
 * The envelope adds the event's cursor. Payloads carry ids, paths and numbers: never a secret and never a whole document. On the wire an
 * event is a CloudEvents object, and a registry of event classes decodes it, older schema versions included.
 */
import { Schema } from "effect"
import { type AnyEvent, type Declaration, ephemeral, type Upcaster } from "./internal/Event/Declaration.ts"

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
export { Cursor, compareCursors, formatCursor, parseCursor } from "./internal/Event/Cursor.ts"
export {
  type AnyClass,
  type AnyEvent,
  type Declaration,
  isEphemeral,
  type Upcaster,
} from "./internal/Event/Declaration.ts"
export type { Envelope } from "./internal/Event/Envelope.ts"

/** The type of a class that `Event.Class` makes: a tagged Schema class with its declaration as static members. */
export interface Class<Self, Type extends string, Fields extends Schema.Struct.Fields>
  extends Schema.Class<Self, Schema.TaggedStruct<Type, Fields>, {}>,
    Declaration<Type> {}

/**
 * Declares an event class.
 *
 * **Details**
 *
 * Events are durable unless `durable: false` is set. When the payload changes incompatibly, add an upcaster: the schema version is the
 * number of upcasters plus one, and stored events of older versions pass through the upcasters before they are decoded.
 *
 * **Example** (Declaring an event and reading an older version of it)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { Event } from "@signalbox/core"
 * import { Effect, Schema } from "effect"
 *
 * // Version 1 called the field `name`.
 * class RouteMoved extends Event.Class<RouteMoved>()(
 *   "route.moved",
 *   { route: Schema.String },
 *   { upcasters: [({ name, ...rest }) => ({ ...rest, route: name ?? "" })] },
 * ) {}
 *
 * const { event } = await Effect.runPromise(
 *   Event.registry([RouteMoved]).decode({
 *     specversion: "1.0",
 *     id: "epoch:7",
 *     source: "signalbox",
 *     type: "route.moved",
 *     time: "2026-01-01T00:00:00Z",
 *     data: { name: "a" },
 *     revision: 3,
 *   }),
 * )
 * strictEqual(event.route, "a")
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
    // The conditional return type stays open here: the implementation cannot know whether `Self` was passed.
    return Object.assign(base, declaration) as never
  }
