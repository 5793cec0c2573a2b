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

/** What remains of the gaps before and behind a removed member. */
export const remove = (before: string, behind: string, isFirst: boolean, isLast: boolean): string => {
  const comma = commaIn(behind)
  const rest = behind.slice(comma + 1)
  // The last member leaves with the comma in front of it, unless the text has commas behind last members.
  const orphan = isFirst || comma !== -1 ? -1 : commaIn(before)
  const kept = orphan === -1 ? before : before.slice(0, orphan) + before.slice(orphan + 1)
  const line = endOfLine(rest, 0)
  const startsLine = marginIn(before) !== undefined
  // The whole line goes, with the line break in front of it.
  if (startsLine && isLineBreak(rest, line)) return kept.replace(/\r?\n[ \t]*$/, "") + rest.slice(line)
  if (!isLast) return kept + rest.slice(skipBlanks(rest, 0))
  let end = kept.length
  while (isBlank(kept, end - 1)) end--
  return kept.slice(0, end) + rest
}

/** Whether an item has no space behind its first colon. */
export const isTightIn = (item: string): boolean => Boolean(/":(\S?)/.exec(item)?.[1])

/** Whether nothing follows the comma in a gap. */
export const isDenseBehind = (gap: string): boolean => /^,(?:\S|$)/.test(gap.slice(commaIn(gap)))

/** The indentation that the gap before an item ends with, if the item starts its line. */
export const marginIn = (gap: string): string | undefined => /\n([ \t]*)$/.exec(gap)?.[1]

/** A value as the style has it. A flat one stays on its line. */
export const render = (value: unknown, margin: string, style: Style, isFlat: boolean): string =>
  isFlat || style.unit === undefined ? encode(value) : layOut(value, margin, style)

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
export const endOfLine = (gap: string, from: number): number => {
  let offset = skipBlanks(gap, from)
  while (gap[offset] === "/") {
    const end = commentEnd(gap, offset)
    if (end === -1 || gap.slice(offset, end).includes("\n")) return from
    offset = skipBlanks(gap, end)
  }
  return isLineBreak(gap, offset) ? offset : from
}

/** The offset of the comma in the gap behind a member, -1 if there is none. */
export const commaIn = (gap: string): number => {
  const offset = skipGap(gap, 0)
  return gap[offset] === "," ? offset : -1
}
