/** An event as one line for people: its type, then its fields in the order of its declaration. Programs read CloudEvents instead. */
import type { AnyEvent } from "./Event.ts"

// A line stays a line: what is longer is data for programs.
const maxShown = 200

/** `config.changed revision=2 origin=file paths=["/models/fast"]`: one line, hashes as their first 12 digits, of each value at most 200 characters. */
export const eventLine = (event: AnyEvent): string =>
  [
    event._tag,
    ...Object.entries(event)
      .filter(([key, value]) => key !== "_tag" && value !== undefined)
      .map(([key, value]) => `${key}=${show(value)}`),
  ].join(" ")

const show = (value: unknown): string => {
  // People tell hashes apart by their beginnings.
  if (typeof value === "string" && /^[0-9a-f]{64}$/.test(value)) return value.slice(0, 12)
  const plain = typeof value === "string" && /^[\w./:@-]+$/.test(value)
  const text = plain ? value : JSON.stringify(value).replaceAll(controls, escaped)
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`
}

// JSON leaves these as they are, and a terminal obeys them.
const controls = /[\u007f-\u009f]/g
const escaped = (character: string): string => `\\u00${character.charCodeAt(0).toString(16)}`
