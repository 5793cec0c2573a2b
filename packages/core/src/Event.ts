/**
 * Typed facts. An event is declared once, with a dotted lower-case type that is its `_tag`, the SSE event name and the log field;
 * the envelope adds its place in the order of events. Payloads carry ids, paths and numbers: never a secret, never a whole document.
 */

/** What every event has; declared ones are tagged Schema classes. */
export interface AnyEvent {
  readonly _tag: string
}

/** A place in the order of events: the bus's (or journal's) epoch and a sequence number without holes. */
export interface Cursor {
  readonly epoch: string
  readonly sequence: number
}

/** An event and what the bus knows of it. `time` is milliseconds since 1970, `revision` the configuration in force. */
export interface Envelope<out E = AnyEvent> {
  readonly cursor: Cursor
  readonly time: number
  readonly source: string
  readonly revision: number
  readonly event: E
}
