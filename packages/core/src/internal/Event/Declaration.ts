/** The shape of events and of their declared classes. */
import type { Schema } from "effect"

/** Any event. Declared events are instances of tagged Schema classes. */
export interface AnyEvent {
  readonly _tag: string
  /** Set on the prototype of events that are declared with `durable: false`. */
  readonly [ephemeral]?: true
}

/** Marks ephemeral events on their prototype, where the bus reads it faster than from the class. */
export const ephemeral: unique symbol = Symbol.for("@signalbox/core/Event/ephemeral")

/** Converts the JSON payload (without `_tag`) of one schema version to the next version. */
export type Upcaster = (data: Schema.JsonObject) => Schema.JsonObject

/** The static members of a declared event class. */
export interface Declaration<out Type extends string = string> {
  readonly type: Type
  /** A durable event has a sequence number and belongs in a journal. An ephemeral event has neither. */
  readonly durable: boolean
  /** `upcasters[0]` converts version 1 to version 2, and so on. */
  readonly upcasters: ReadonlyArray<Upcaster>
  /** The payload's schema version, which is `upcasters.length + 1`. */
  readonly version: number
}

/** Any declared event class whose payload needs no services. */
export interface AnyClass extends Declaration, Schema.ConstraintCodec<AnyEvent, unknown> {}
