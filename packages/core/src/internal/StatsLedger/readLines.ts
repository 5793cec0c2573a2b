/**
 * Reads lines whoever wrote them. A write that was cut off (disk full, power cut) leaves the beginning of a line, and the next line stands
 * right behind it: what begins a line occurs nowhere within one, so both can be told apart.
 */
import { isWireEntry, lineStart, lineVersion, type WireEntry } from "../../LedgerEntry.ts"

export interface LineVisitor {
  readonly entry: (wire: WireEntry) => void
  /** Torn, or nothing of ours. */
  readonly foreign: (line: string) => void
  /** Whole, but written by a newer program: not ours to judge. */
  readonly newer: (line: string) => void
}

/** Visits each line of `text`, the last one included though it lacks its newline. */
export const readLines = (text: string, visitor: LineVisitor): void => {
  let start = 0
  while (start < text.length) {
    const newline = text.indexOf("\n", start)
    const end = newline === -1 ? text.length : newline
    if (end > start) readLine(text.slice(start, end), visitor)
    start = end + 1
  }
}

const readLine = (line: string, visitor: LineVisitor): void => {
  if (visitWhole(line, visitor)) return
  let start = 0
  while (start < line.length) {
    const next = line.indexOf(lineStart, start + 1)
    const end = next === -1 ? line.length : next
    const part = line.slice(start, end)
    if (!visitWhole(part, visitor)) visitor.foreign(part)
    start = end
  }
}

const visitWhole = (line: string, visitor: LineVisitor): boolean => {
  const value = parsed(line)
  if (isWireEntry(value)) visitor.entry(value)
  else if (isNewer(value)) visitor.newer(line)
  else return false
  return true
}

/** A line of a version after this one, of whatever shape. */
export const isNewer = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "v" in value && typeof value.v === "number" && value.v > lineVersion

/** `undefined` for what is no JSON. */
export const parsed = (line: string): unknown => {
  if (!line.startsWith("{") || !line.endsWith("}")) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
