/**
 * What the files of a ledger are called. `2026-11-21T05.entries` holds what was recorded in that hour (UTC), whoever recorded it; a
 * number before the ending tells apart the segments of one hour. `2026-11-21T05.minutes` is the roll-up that replaces the segment of
 * the same name: where both exist, a crash came between, and only the roll-up counts.
 */
import { DateTime, Option } from "effect"

export const hourMillis = 3_600_000

/** The hour's name and, after a dot, which of its segments: `2026-11-21T05`, `2026-11-21T05.1`. */
export type SegmentName = string

/** How many segments one hour can have. A second one is needed only while the first is being compacted or already is. */
export const segmentsPerHour = 10

/** Start of the hour that a time lies in. */
export const hourOf = (time: number): number => Math.floor(time / hourMillis) * hourMillis

export const segmentName = (hour: number, ordinal = 0): SegmentName => {
  const name = DateTime.formatIso(DateTime.makeUnsafe(hour)).slice(0, 13)
  return ordinal === 0 ? name : `${name}.${ordinal}`
}

/** Start of the segment's hour; what is not called like a segment has none. */
export const segmentHour = (name: SegmentName): number | undefined => {
  const [, hour] = /^(\d{4}-\d\d-\d\dT\d\d)(?:\.[1-9]\d?)?$/.exec(name) ?? []
  if (hour === undefined) return undefined
  return Option.getOrUndefined(DateTime.make(`${hour}:00:00.000Z`))?.epochMilliseconds
}
