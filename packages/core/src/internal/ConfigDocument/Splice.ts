/**
 * The text around a member that is added, replaced or removed. A new member takes the layout of its neighbours. Comments stay where they
 * are; one that follows a member on its line stays with that member.
 */
import { isObject } from "../Json.ts"
import { commentEnd, skipGap } from "./Characters.ts"

/** The layout of a text. */
export interface Style {
  /** One level of indentation; `undefined` for a text on one line. */
  readonly unit: string | undefined
  readonly eol: string
}

export const styleOf = (text: string): Style => {
  const eol = text.includes("\r\n") ? "\r\n" : "\n"
  if (!text.trim().includes("\n")) return { unit: undefined, eol }
  return { unit: /\n([ \t]+)["}\]]/.exec(text)?.[1] ?? "  ", eol }
}

/** The indentation of the line that `offset` is in. */
export const marginOf = (text: string, offset: number): string => {
  const start = text.lastIndexOf("\n", offset - 1) + 1
  return text.slice(start, skipBlanks(text, start))
}

/** A new member: what precedes it, how its line is indented, and what follows it up to the closing bracket. */
interface Addition {
  readonly lead: string
  readonly margin: string
  readonly tail: string
  /** Whether the value stays on the line. */
  readonly isFlat: boolean
  /** Whether no space follows the colon. */
  readonly isTight: boolean
}

/** A member for an empty object or array, in a line with the given margin. */
export const fill = (tail: string, outer: string, { eol, unit }: Style): Addition => {
  if (unit === undefined) return { lead: tail, margin: outer, tail: "", isFlat: true, isTight: true }
  const margin = outer + unit
  const lead = tail.trimEnd() + eol + margin
  return { lead, margin, tail: eol + outer, isFlat: false, isTight: false }
}

/** The first and the last member of a container, and the gaps before and behind them. */
interface Neighbours {
  readonly beforeFirst: string
  readonly first: string
  readonly behindFirst: string
  readonly beforeLast: string
  readonly tail: string
  /** The margins of the lines in which the container starts and its last member ends. */
  readonly outer: string
  readonly inner: string
}

/** A member behind the others. */
export const append = (neighbours: Neighbours, { eol, unit }: Style): Addition => {
  const { beforeFirst, beforeLast, behindFirst, first, inner, outer, tail } = neighbours
  const behind = commaIn(tail) + 1
  const [comma, noComma] = behind === 0 ? [",", ""] : ["", ","]
  if (unit === undefined || !beforeFirst.includes("\n")) {
    const isTight = Boolean(/":(\S?)/.exec(first)?.[1])
    const gap = isTight || /^,(?:\S|$)/.test(behindFirst.slice(commaIn(behindFirst))) ? "" : " "
    const lead = comma + tail.slice(0, behind) + gap
    return { lead, margin: inner, tail: noComma + tail.slice(behind), isFlat: true, isTight }
  }
  const margin = /\n([ \t]*)$/.exec(beforeLast)?.[1] ?? outer + unit
  const line = endOfLine(tail, behind)
  const lead = comma + tail.slice(0, line) + eol + margin
  return { lead, margin, tail: noComma + tail.slice(line), isFlat: false, isTight: false }
}

/** What remains of the gaps before and behind a removed member. */
export const remove = (before: string, behind: string, isFirst: boolean, isLast: boolean): string => {
  const comma = commaIn(behind)
  const rest = behind.slice(comma + 1)
  // The last member leaves with the comma in front of it, unless the text has commas behind last members.
  const orphan = isFirst || comma !== -1 ? -1 : commaIn(before)
  const kept = orphan === -1 ? before : before.slice(0, orphan) + before.slice(orphan + 1)
  const line = endOfLine(rest, 0)
  const startsLine = /\n[ \t]*$/.test(before)
  // The whole line goes, with the line break in front of it.
  if (startsLine && isLineBreak(rest, line)) return kept.replace(/\r?\n[ \t]*$/, "") + rest.slice(line)
  if (!isLast) return kept + rest.slice(skipBlanks(rest, 0))
  let end = kept.length
  while (isBlank(kept, end - 1)) end--
  return kept.slice(0, end) + rest
}

/** The text of a member up to its value. */
export const headOf = (key: string, { isTight }: { readonly isTight: boolean }): string =>
  JSON.stringify(key) + (isTight ? ":" : ": ")

/** A value as the style has it. A flat one stays on its line. */
export const render = (value: unknown, margin: string, style: Style, isFlat = style.unit === undefined): string =>
  isFlat ? encode(value) : layOut(value, margin, style)

const encode = (value: unknown): string => JSON.stringify(value)

/** Objects member by member on lines of their own; arrays of scalars on one line where it stays short. */
const layOut = (value: unknown, margin: string, style: Style): string => {
  const inner = margin + (style.unit ?? "")
  const block = (open: string, items: ReadonlyArray<string>, close: string): string =>
    items.length === 0
      ? open + close
      : `${open}${style.eol}${inner}${items.join(`,${style.eol}${inner}`)}${style.eol}${margin}${close}`
  if (Array.isArray(value)) {
    const items = value.map((element) => layOut(element, inner, style))
    const short = `[${items.join(", ")}]`
    const flat = value.every((element) => typeof element !== "object" || element === null)
    return flat && short.length <= 80 ? short : block("[", items, "]")
  }
  if (!isObject(value)) return encode(value)
  return block(
    "{",
    Object.entries(value).map(([key, element]) => `${encode(key)}: ${layOut(element, inner, style)}`),
    "}",
  )
}

const isBlank = (text: string, offset: number): boolean => text[offset] === " " || text[offset] === "\t"

const skipBlanks = (text: string, from: number): number => {
  let offset = from
  while (isBlank(text, offset)) offset++
  return offset
}

const isLineBreak = (text: string, offset: number): boolean => text[offset] === "\n" || text[offset] === "\r"

/** Behind the blanks and comments that follow on the line; before them where a comment leaves the line. */
const endOfLine = (gap: string, from: number): number => {
  let offset = skipBlanks(gap, from)
  while (gap[offset] === "/") {
    const end = commentEnd(gap, offset)
    if (end === -1 || gap.slice(offset, end).includes("\n")) return from
    offset = skipBlanks(gap, end)
  }
  return isLineBreak(gap, offset) ? offset : from
}

/** The offset of the comma in the gap behind a member, -1 if there is none. */
const commaIn = (gap: string): number => {
  const offset = skipGap(gap, 0)
  return gap[offset] === "," ? offset : -1
}
