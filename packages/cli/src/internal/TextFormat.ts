/** Text for terminals: nothing that a name, a path or an answer holds is obeyed by one. */
import { displayWidth } from "effect/cli/CliOutput"

/** Control characters and those that turn the direction of writing become visible escapes; a line break counts as one. */
export const line = (text: string): string => text.replaceAll(obeyed, escaped)

/** As `line`, but lines stay lines. */
export const lines = (text: string): string => text.split("\n").map(line).join("\n")

// Cc, the line separators, and Unicode's bidirectional controls.
const obeyed = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu

const escaped = (character: string): string => {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly right?: boolean
}

/** Columns aligned by what a terminal shows of them, two spaces between. Cells are cleaned here. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  emphasis: (title: string) => string = (title) => title,
): string => {
  const cells = rows.map((row) => row.map(line))
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(row[index] ?? ""))),
  )
  const layOut = (row: ReadonlyArray<string>) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.right === true))
      .join("  ")
      .trimEnd()
  return [emphasis(layOut(columns.map(({ title }) => title))), ...cells.map(layOut)].join("\n")
}

/** What everybody writes is as wide as it is long; for all else the segmenter of ICU is loaded, which takes as long as half a start of node. */
const widthOf = (text: string): number => (/^[ -~]*$/.test(text) ? text.length : displayWidth(text))

const pad = (cell: string, width: number, right: boolean): string => {
  const missing = " ".repeat(Math.max(0, width - widthOf(cell)))
  return right ? missing + cell : cell + missing
}

/** `1 model`, `2 models`. */
export const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`

/** `2026-11-26 11:15:22`, in this machine's time zone. */
export const moment = (millis: number): string => {
  const at = new Date(millis)
  const two = (part: number) => String(part).padStart(2, "0")
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-")
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`
}

/** `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`. */
export const age = (millis: number): string => {
  const step = ages.find(([, unit]) => millis >= unit)
  return step === undefined ? `${Math.round(millis)} ms` : `${Math.floor(millis / step[1])} ${step[0]}`
}

const ages = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const
