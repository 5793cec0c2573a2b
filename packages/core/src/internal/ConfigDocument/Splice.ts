/**
 * Replaces, appends and removes one member of a text. A new member takes the layout of its neighbours. Comments stay where they are; one that
 * follows a member on its line stays with that member.
 */
import { isObject } from "../Json.ts"
import { commentEnd } from "./Characters.ts"
import type { Span } from "./Outline.ts"

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

/** The text with a value in place of another. */
export const replaceValue = (text: string, { length, offset }: Span, value: unknown): string =>
  text.slice(0, offset) + render(text, offset, value) + text.slice(offset + length)

/** A text with a new member, and the offset of the member. */
interface Appended {
  readonly text: string
  readonly offset: number
}

/** The text with a new member at the end of an object or array with the given first and last members. `key` is `undefined` for an array. */
export const appendItem = (
  text: string,
  container: Span,
  first: Span | undefined,
  last: Span | undefined,
  key: string | undefined,
  value: unknown,
): Appended =>
  first === undefined || last === undefined
    ? fill(text, container, key, value)
    : append(text, container, { first, last }, key, value)

const fill = (text: string, container: Span, key: string | undefined, value: unknown): Appended => {
  const style = styleOf(text)
  const open = container.offset + 1
  const close = container.offset + container.length - 1
  const inside = text.slice(open, close)
  const head = text.slice(0, open)
  if (style.unit === undefined) {
    return between(head + inside, member(key, '":x', encode(value)), text.slice(close))
  }
  const outer = marginOf(text, container.offset)
  const margin = outer + style.unit
  const kept = inside.trim() === "" ? "" : inside.trimEnd()
  return between(
    head + kept + style.eol + margin,
    member(key, '": "', layOut(value, margin, style)),
    style.eol + outer + text.slice(close),
  )
}

const append = (
  text: string,
  container: Span,
  { first, last }: { readonly first: Span; readonly last: Span },
  key: string | undefined,
  value: unknown,
): Appended => {
  const style = styleOf(text)
  const end = last.offset + last.length
  const comma = commaBehind(text, end)
  const behind = comma === -1 ? end : comma + 1
  const firstComma = commaBehind(text, first.offset + first.length)
  const multiline = style.unit !== undefined && text.slice(container.offset, first.offset).includes("\n")
  if (!multiline) {
    const tight =
      /":\S/.test(text.slice(first.offset, first.offset + first.length)) || /^,\S/.test(text.slice(firstComma))
    const gap = tight ? "" : " "
    const item = member(key, text.slice(first.offset, first.offset + first.length), encode(value))
    return comma === -1
      ? between(`${text.slice(0, behind)},${gap}`, item, text.slice(behind))
      : between(text.slice(0, behind) + gap, item, `,${text.slice(behind)}`)
  }
  const margin = startsLine(text, last.offset)
    ? marginOf(text, last.offset)
    : marginOf(text, container.offset) + (style.unit ?? "")
  const item = member(key, '": "', layOut(value, margin, style))
  const line = endOfLine(text, behind)
  return between(
    text.slice(0, end) + (comma === -1 ? "," : "") + text.slice(end, line) + style.eol + margin,
    item,
    (comma === -1 ? "" : ",") + text.slice(line),
  )
}

const between = (before: string, item: string, after: string): Appended => ({
  text: before + item + after,
  offset: before.length,
})

/** The text without one of the members of an object or array. */
export const removeItem = (
  text: string,
  item: Span,
  { isLast, previous }: { readonly previous: Span | undefined; readonly isLast: boolean },
): string => {
  const end = item.offset + item.length
  const comma = commaBehind(text, end)
  let from = item.offset
  let to = comma === -1 ? end : comma + 1
  const line = endOfLine(text, to)
  if (startsLine(text, from) && (line === text.length || text[line] === "\n" || text[line] === "\r")) {
    // the whole line goes, with the line break in front of it
    from = lineStart(text, from)
    from -= text.startsWith("\r\n", from - 2) ? 2 : 1
    to = line
  } else if (!isLast) to = skipBlanks(text, to)
  else while (isBlank(text, from - 1)) from--
  // the last member leaves with the comma in front of it, unless the text has commas behind last members
  const orphan = previous !== undefined && comma === -1 ? commaBehind(text, previous.offset + previous.length) : -1
  return orphan === -1
    ? text.slice(0, from) + text.slice(to)
    : text.slice(0, orphan) + text.slice(orphan + 1, from) + text.slice(to)
}

const member = (key: string | undefined, like: string, value: string): string =>
  key === undefined ? value : `${JSON.stringify(key)}${/":\S/.test(like) ? ":" : ": "}${value}`

/** A value at `offset`, laid out for its line. */
const render = (text: string, offset: number, value: unknown): string => {
  const style = styleOf(text)
  return style.unit === undefined ? encode(value) : layOut(value, marginOf(text, offset), style)
}

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

const lineStart = (text: string, offset: number): number => text.lastIndexOf("\n", offset - 1) + 1

const startsLine = (text: string, offset: number): boolean => {
  const start = lineStart(text, offset)
  return start > 0 && skipBlanks(text, start) === offset
}

/** The indentation of the line that `offset` is in. */
const marginOf = (text: string, offset: number): string => {
  const start = lineStart(text, offset)
  return text.slice(start, skipBlanks(text, start))
}

/** Behind the blanks and comments that follow on the line; before them where a comment leaves the line. */
const endOfLine = (text: string, from: number): number => {
  let offset = skipBlanks(text, from)
  while (text[offset] === "/") {
    const end = commentEnd(text, offset)
    if (end === -1 || text.slice(offset, end).includes("\n")) return from
    offset = skipBlanks(text, end)
  }
  return offset >= text.length || text[offset] === "\n" || text[offset] === "\r" ? offset : from
}

/** The offset of the comma behind a member, -1 if there is none. */
const commaBehind = (text: string, from: number): number => {
  let offset = from
  while (offset < text.length) {
    const character = text[offset]!
    if (character === ",") return offset
    if (character === "/") {
      const end = commentEnd(text, offset)
      if (end === -1) return -1
      offset = end
    } else if (character.trim() === "") offset++
    else return -1
  }
  return -1
}
