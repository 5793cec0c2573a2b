/** A position in the order of events, and its text form. */
import { Option, Schema } from "effect"

/**
 * The epoch of a bus or journal, and a sequence number without holes.
 *
 * **Details**
 *
 * An ephemeral event has no sequence number of its own. Its cursor is the durable event before it and `n` (1, 2, 3 …). Sequence 0 is the
 * position before the first event.
 */
export const Cursor = Schema.Struct({
  epoch: Schema.String,
  sequence: Schema.Int,
  n: Schema.optionalKey(Schema.Int),
})
export interface Cursor {
  readonly epoch: string
  readonly sequence: number
  readonly n?: number
}

/** Formats a cursor as `epoch:sequence` or `epoch:sequence.n`: the CloudEvents id, the SSE id and `Last-Event-ID`. */
export const formatCursor = ({ epoch, n, sequence }: Cursor): string =>
  n === undefined ? `${epoch}:${sequence}` : `${epoch}:${sequence}.${n}`

/** Reads what `formatCursor` wrote, and returns `None` for any other text. An epoch has 1 to 64 letters, digits, `_` and `-`. */
export const parseCursor = (text: string): Option.Option<Cursor> => {
  const [, epoch, sequence, n] = /^([\w-]{1,64}):(0|[1-9]\d{0,14})(?:\.([1-9]\d{0,14}))?$/.exec(text) ?? []
  if (epoch === undefined) return Option.none()
  const cursor = { epoch, sequence: Number(sequence) }
  return Option.some(n === undefined ? cursor : { ...cursor, n: Number(n) })
}

/** Compares two cursors of one epoch: negative if `a` comes before `b`. */
export const compareCursors = (a: Cursor, b: Cursor): number => a.sequence - b.sequence || (a.n ?? 0) - (b.n ?? 0)
