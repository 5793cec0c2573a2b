/**
 * The names of a ledger's files. `2026-11-21T05.entries` holds the entries that all processes recorded in that hour (UTC). A number before
 * the ending distinguishes several segments of one hour. `2026-11-21T05.minutes` is the roll-up that replaces the segment of that name: if
 * both exist, a process crashed between the two steps, and only the roll-up counts.
 */
import { DateTime, Option } from "effect"

export const hourMillis = 3_600_000

/** The name of the hour, and the number of the segment after a dot: `2026-11-21T05`, `2026-11-21T05.1`. */
export type SegmentName = string

/** The most segments of one hour. The second is needed only while the first is being compacted or already is. */
export const segmentsPerHour = 10

/**
 * Returns the start of the hour that contains a time, in milliseconds since 1970.
 *
 * **Example** (Rounding to the hour)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { hourOf } from "@signalbox/core/SegmentName"
 *
 * strictEqual(hourOf(Date.parse("2026-11-21T05:59:59Z")), Date.parse("2026-11-21T05:00:00Z"))
 * ```
 */
export const hourOf = (time: number): number => Math.floor(time / hourMillis) * hourMillis

/**
 * Returns the name of a segment of an hour.
 *
 * **Example** (Naming the second segment of an hour)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { segmentName } from "@signalbox/core/SegmentName"
 *
 * strictEqual(segmentName(Date.parse("2026-11-21T05:00:00Z"), 1), "2026-11-21T05.1")
 * ```
 */
export const segmentName = (hour: number, ordinal = 0): SegmentName => {
  const name = DateTime.formatIso(DateTime.makeUnsafe(hour)).slice(0, 13)
  return ordinal === 0 ? name : `${name}.${ordinal}`
}

/**
 * Returns the start of the segment's hour, or `undefined` if this is not the name of a segment.
 *
 * **Example** (Reading the hour of a segment)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { segmentHour } from "@signalbox/core/SegmentName"
 *
 * strictEqual(segmentHour("2026-11-21T05.1"), Date.parse("2026-11-21T05:00:00Z"))
 * strictEqual(segmentHour("notes.txt"), undefined)
 * ```
 */
export const segmentHour = (name: SegmentName): number | undefined => {
  const [, hour] = /^(\d{4}-\d\d-\d\dT\d\d)(?:\.[1-9]\d?)?$/.exec(name) ?? []
  if (hour === undefined) return undefined
  return Option.getOrUndefined(DateTime.make(`${hour}:00:00.000Z`))?.epochMilliseconds
}
