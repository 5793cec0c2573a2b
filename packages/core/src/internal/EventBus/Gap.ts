/** Takes the place of lost events in a subscriber's stream. */
import { Schema } from "effect"
import { Cursor } from "../../Event.ts"

/**
 * The stream lacks every event of this subscription whose cursor is between `from` and `to`, both inclusive.
 *
 * **Details**
 *
 * - `slow`: the subscriber lagged by more than the capacity.
 * - `pruned`: the history after the requested cursor is no longer kept.
 * - `other-epoch`: `from` is not a cursor of this bus, so the number of missing events is unknown. All kept events follow.
 */
export class Gap extends Schema.TaggedClass<Gap>()("Gap", {
  from: Cursor,
  to: Cursor,
  reason: Schema.Literals(["slow", "pruned", "other-epoch"]),
  /** The exact number of missing events, ephemeral ones included. Always set for `slow`; absent if it cannot be known. */
  missing: Schema.optionalKey(Schema.Int),
}) {}
