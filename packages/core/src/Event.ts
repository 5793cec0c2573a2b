/**
 * Typed events. An event is declared once, with a dotted lower-case type that is also its `_tag`, its SSE event name and its log field.
 * The envelope adds the event's cursor. Payloads carry ids, paths and numbers: never a secret and never a whole document. On the wire an
 * event is a CloudEvents object, and a registry of event classes decodes it, older schema versions included.
 */
import { Schema } from "effect"
import { makeRegistry, type Registry } from "./internal/Event/CloudEvents.ts"
import {
  type AnyClass,
  type AnyEvent,
  type Declaration,
  ephemeral,
  type Upcaster,
} from "./internal/Event/Declaration.ts"

export { Cursor, compareCursors, formatCursor, parseCursor } from "./Cursor.ts"
export {
  CloudEvent,
  EventError,
  InvalidData,
  Malformed,
  NewerVersion,
  type Registry,
  UnknownType,
} from "./internal/Event/CloudEvents.ts"

export type { AnyClass, AnyEvent, Declaration, Upcaster } from "./internal/Event/Declaration.ts"
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

/**
 * Returns whether the event's class was declared with `durable: false`.
 *
 * **Example** (Skipping ephemeral events)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { Event } from "@signalbox/core"
 * import { Schema } from "effect"
 *
 * class Ticked extends Event.Class<Ticked>()("clock.ticked", { at: Schema.Int }, { durable: false }) {}
 * class Started extends Event.Class<Started>()("job.started", {}) {}
 *
 * const events = [new Ticked({ at: 1 }), new Started({})]
 * deepStrictEqual(events.map(Event.isEphemeral), [true, false])
 * ```
 */
export const isEphemeral = (event: AnyEvent): boolean => event[ephemeral] === true

/**
 * Makes a registry, which encodes events of these classes as CloudEvents objects and decodes them. Throws if two classes have the same type.
 *
 * **Example** (Sending an event to another program)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { Event, EventBus, ModelEvents } from "@signalbox/core"
 * import { Effect, Stream } from "effect"
 *
 * const registry = Event.registry([ModelEvents.ModelAdded])
 * const program = Effect.gen(function* () {
 *   const bus = yield* EventBus
 *   const events = yield* bus.subscribe({ types: [ModelEvents.ModelAdded] })
 *   yield* bus.publish(new ModelEvents.ModelAdded({ alias: "a", provider: "p", upstream: "u", enabled: true }))
 *   const [item] = yield* Stream.runCollect(Stream.take(events, 1))
 *   return item?._tag === "Envelope" ? JSON.stringify(yield* registry.encode(item)) : "a Gap"
 * })
 *
 * const text = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(EventBus.layer)))
 * strictEqual(JSON.parse(text).type, "model.added")
 * ```
 */
export const registry: <const Classes extends ReadonlyArray<AnyClass>>(
  classes: Classes,
) => Registry<Classes[number]["Type"]> = makeRegistry
