/** Formats text for terminals. */
import { escapeLine } from "@signalbox/core/VisibleText"
import { displayWidth } from "effect/cli/CliOutput"

export { escapeLine, escapeLines } from "@signalbox/core/VisibleText"

export interface Column {
  readonly title: string
  /** Align to the right, for numbers. */
  readonly right?: boolean
}

/**
 * Aligns columns by the width that a terminal shows, with two spaces between them. Escapes the cells. On a terminal that is too narrow, it leaves out
 * empty columns, and if that is not enough, writes each row as a block of lines. Other programs always get the whole table.
 */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
  titleStyle: (title: string) => string = (title) => title,
  width: number = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
): string => {
  const cells = rows.map((row) => row.map(escapeLine))
  const whole = aligned(columns, cells, titleStyle)
  if (whole.width <= width) return whole.text
  const used = columns.map((_, index) => index).filter((index) => cells.some((row) => (row[index] ?? "") !== ""))
  const usedColumns = columns.filter((_, index) => used.includes(index))
  const usedCells = cells.map((row) => used.map((index) => row[index] ?? ""))
  const narrow = aligned(usedColumns, usedCells, titleStyle)
  return narrow.width <= width ? narrow.text : blocks(usedColumns, usedCells, titleStyle)
}

/** The first cell of each row, and below it a line for each other cell that is not empty. */
const blocks = (
  columns: ReadonlyArray<Column>,
  cells: ReadonlyArray<ReadonlyArray<string>>,
  titleStyle: (title: string) => string,
): string => {
  const titleWidth = Math.max(...columns.slice(1).map(({ title }) => widthOf(title)))
  return cells
    .flatMap(([first = "", ...others]) => [
      titleStyle(first),
      ...others.flatMap((cell, index) =>
        cell === "" ? [] : [`  ${pad(columns[index + 1]?.title ?? "", titleWidth, false)}  ${cell}`],
      ),
    ])
    .join("\n")
}

const aligned = (
  columns: ReadonlyArray<Column>,
  cells: ReadonlyArray<ReadonlyArray<string>>,
  titleStyle: (title: string) => string,
): { readonly text: string; readonly width: number } => {
  const widths = columns.map(({ title }, index) =>
    Math.max(widthOf(title), ...cells.map((row) => widthOf(row[index] ?? ""))),
  )
  const layOut = (row: ReadonlyArray<string>) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.right === true))
      .join("  ")
      .trimEnd()
  const lines = [layOut(columns.map(({ title }) => title)), ...cells.map(layOut)]
  const [titles = "", ...others] = lines
  return { text: [titleStyle(titles), ...others].join("\n"), width: Math.max(...lines.map(widthOf)) }
}

/** ASCII is as wide as it is long. Other text needs the segmenter of ICU, which takes as long to load as half a start of Node. */
const widthOf = (text: string): number => (/^[ -~]*$/.test(text) ? text.length : displayWidth(text))

const pad = (cell: string, width: number, right: boolean): string => {
  const missing = " ".repeat(Math.max(0, width - widthOf(cell)))
  return right ? missing + cell : cell + missing
}

/** `1 model`, `2 models`. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`

/** `2026-11-26 11:15:22` in the local time zone. */
export const formatTime = (millis: number): string => {
  const date = new Date(millis)
  const two = (part: number) => String(part).padStart(2, "0")
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-")
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":")}`
}

/** `850 ms`, `12 s`, `5 min`, `3 h`, `2 d`. */
export const formatDuration = (millis: number): string => {
  const step = units.find(([, unit]) => millis >= unit)
  return step === undefined ? `${Math.round(millis)} ms` : `${Math.floor(millis / step[1])} ${step[0]}`
}

const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const
