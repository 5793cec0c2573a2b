/**
 * Reads the lines of a segment. A write that was cut off (disk full, power cut) leaves the start of a line directly before the next line.
 * The start of a line occurs nowhere else in a line, so the two can be separated.
 */
import { isWireEntry, lineStart, lineVersion, type WireEntry } from "../../LedgerLine.ts"

export interface LineVisitor {
  readonly entry: (wire: WireEntry) => void
  /** A torn line, or a line that no Signalbox wrote. */
  readonly foreign: (line: string) => void
  /** A whole line of a newer program, which this one cannot read. */
  readonly newer: (line: string) => void
}

/** Visits each line of `text`. The last line may lack its newline. */
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
  const value = parseLine(line)
  if (isWireEntry(value)) visitor.entry(value)
  else if (isNewer(value)) visitor.newer(line)
  else return false
  return true
}

/** Returns whether parsed JSON has a newer line version. */
export const isNewer = (value: unknown): boolean =>
  typeof value === "object" && value !== null && "v" in value && typeof value.v === "number" && value.v > lineVersion

/** Parses a line, and returns `undefined` if it is not a JSON object. */
export const parseLine = (line: string): unknown => {
  if (!line.startsWith("{") || !line.endsWith("}")) return undefined
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}
