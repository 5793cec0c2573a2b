/** A place in the order of events, and how it is written. */
import { Option, Schema } from "effect"

/**
 * The bus's (or journal's) epoch and a sequence number without holes. An ephemeral event has no number of its own: it is the `n`-th
 * (1, 2, 3 …) after the durable event `sequence`. Sequence 0 is the place before the first.
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

/** `epoch:sequence`, for ephemeral events `epoch:sequence.n`: the CloudEvents id, the SSE id and `Last-Event-ID`. */
export const formatCursor = ({ epoch, n, sequence }: Cursor): string =>
  n === undefined ? `${epoch}:${sequence}` : `${epoch}:${sequence}.${n}`

/** The inverse of `formatCursor`; `None` where the text is no cursor. An epoch is 1 to 64 letters, digits, `_` and `-`. */
export const parseCursor = (text: string): Option.Option<Cursor> => {
  const [, epoch, sequence, n] = /^([\w-]{1,64}):(0|[1-9]\d{0,14})(?:\.([1-9]\d{0,14}))?$/.exec(text) ?? []
  if (epoch === undefined) return Option.none()
  const cursor = { epoch, sequence: Number(sequence) }
  return Option.some(n === undefined ? cursor : { ...cursor, n: Number(n) })
}
