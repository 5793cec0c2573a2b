/** Formats an event as one line for people: its type, then its fields in the order of its declaration. Programs read CloudEvents instead. */
import type { AnyEvent } from "./Event.ts"
import { visibleJson } from "./VisibleText.ts"

/** In UTF-16 units, for each value. */
const maxValueLength = 200

/**
 * Formats an event as one line of bounded length.
 *
 * **Details**
 *
 * A hash is cut to its first 12 digits and any other value to 200 characters. Invisible characters are escaped.
 *
 * **Example** (Formatting an event)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { eventLine, ModelEvents } from "@signalbox/core"
 *
 * const added = new ModelEvents.ModelAdded({ alias: "fast", provider: "openai", upstream: "gpt-5", enabled: true })
 * strictEqual(eventLine(added), "model.added alias=fast provider=openai upstream=gpt-5 enabled=true")
 * ```
 */
export const eventLine = (event: AnyEvent): string =>
  [
    event._tag,
    ...Object.entries(event)
      .filter(([key, value]) => key !== "_tag" && value !== undefined)
      .map(([key, value]) => `${key}=${formatValue(value)}`),
  ].join(" ")

const formatValue = (value: unknown): string => {
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value.slice(0, 12)
  const isPlain = typeof value === "string" && /^[\w./:@-]+$/.test(value)
  const text = isPlain ? value : visibleJson(value)
  return text.length <= maxValueLength ? text : `${text.slice(0, maxValueLength)}…`
}
