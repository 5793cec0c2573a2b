/** A position in the order of events, and its text form: the CloudEvents id, the SSE id and `Last-Event-ID`. */
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

/**
 * Formats a cursor as `epoch:sequence` or `epoch:sequence.n`.
 *
 * **Example** (Formatting a cursor)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { formatCursor } from "@signalbox/core/Cursor"
 *
 * strictEqual(formatCursor({ epoch: "k3v9", sequence: 7 }), "k3v9:7")
 * ```
 */
export const formatCursor = ({ epoch, n, sequence }: Cursor): string =>
  n === undefined ? `${epoch}:${sequence}` : `${epoch}:${sequence}.${n}`

/**
 * Parses the text of a cursor, and returns `None` for any other text. An epoch has 1 to 64 letters, digits, `_` and `-`.
 *
 * **Example** (Parsing a cursor)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { parseCursor } from "@signalbox/core/Cursor"
 * import { Option } from "effect"
 *
 * deepStrictEqual(Option.getOrThrow(parseCursor("k3v9:7.1")), { epoch: "k3v9", sequence: 7, n: 1 })
 * deepStrictEqual(Option.isNone(parseCursor("yesterday")), true)
 * ```
 */
export const parseCursor = (text: string): Option.Option<Cursor> => {
  const [, epoch, sequence, n] = /^([\w-]{1,64}):(0|[1-9]\d{0,14})(?:\.([1-9]\d{0,14}))?$/.exec(text) ?? []
  if (epoch === undefined) return Option.none()
  const cursor = { epoch, sequence: Number(sequence) }
  return Option.some(n === undefined ? cursor : { ...cursor, n: Number(n) })
}

/**
 * Compares two cursors of one epoch: the result is negative if `a` comes before `b`.
 *
 * **Example** (Sorting cursors)
 *
 * ```ts
 * import { deepStrictEqual } from "node:assert"
 * import { compareCursors, formatCursor } from "@signalbox/core/Cursor"
 *
 * const cursors = [{ epoch: "e", sequence: 2 }, { epoch: "e", sequence: 1, n: 1 }, { epoch: "e", sequence: 1 }]
 * deepStrictEqual(cursors.sort(compareCursors).map(formatCursor), ["e:1", "e:1.1", "e:2"])
 * ```
 */
export const compareCursors = (a: Cursor, b: Cursor): number => a.sequence - b.sequence || (a.n ?? 0) - (b.n ?? 0)
