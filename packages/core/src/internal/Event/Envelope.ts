import type { Cursor } from "../../Cursor.ts"
import type { AnyEvent } from "./Declaration.ts"

/** An event together with its cursor, time, source and revision. */
export interface Envelope<out E = AnyEvent> {
  readonly _tag: "Envelope"
  readonly cursor: Cursor
  /** Milliseconds since 1970. */
  readonly time: number
  /** The publisher as a URI reference, the same for all events of one bus. */
  readonly source: string
  /** The revision of the configuration in force. */
  readonly revision: number
  /** The cause of this event: the cursor of another event, or the id of a request. */
  readonly causationId?: string
  readonly event: E
}
