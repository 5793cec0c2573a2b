/** What stands in a subscriber's stream in place of events that it does not get. */
import { Schema } from "effect"
import { Cursor } from "../../Event.ts"

/**
 * Every event of this subscription whose place is between `from` and `to` (both inclusive) is not in this stream. `slow`: the
 * subscriber lagged by more than the capacity. `pruned`: history before the oldest kept event is gone. `other-epoch`: `from` is no place
 * in this bus's order, so what lies between is not known; all that is kept follows.
 */
export class Gap extends Schema.TaggedClass<Gap>()("Gap", {
  from: Cursor,
  to: Cursor,
  reason: Schema.Literals(["slow", "pruned", "other-epoch"]),
  /** Exactly how many events of this subscription are missing, ephemeral ones included. Always there for `slow`; absent where it cannot be known. */
  missing: Schema.optionalKey(Schema.Int),
}) {}
