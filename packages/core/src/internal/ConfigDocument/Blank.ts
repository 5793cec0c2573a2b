/** Comments and trailing commas turned into spaces, so that every offset stays. */
import {
  asterisk,
  closeBrace,
  closeBracket,
  colon,
  comma,
  commentEnd,
  isSpace,
  openBrace,
  openBracket,
  quote,
  slash,
  stringEnd,
} from "./Characters.ts"
import type { Fault } from "./Text.ts"

const badComment = (text: string, offset: number): Fault => ({
  offset,
  message:
    text.charCodeAt(offset + 1) === asterisk
      ? "this comment is never closed: add */"
      : "a / that starts no comment: remove it",
})

/** `gaps`: from, to, from, to … in ascending order. */
const erase = (text: string, gaps: ReadonlyArray<number>): string => {
  if (gaps.length === 0) return text
  const parts: Array<string> = []
  let copied = 0
  for (let index = 0; index < gaps.length; index += 2) {
    const from = gaps[index]!
    const to = gaps[index + 1]!
    parts.push(text.slice(copied, from), " ".repeat(to - from))
    copied = to
  }
  parts.push(text.slice(copied))
  return parts.join("")
}

const markGap = (text: string): Array<number> => (text.charCodeAt(0) === 0xfeff ? [0, 1] : [])

/**
 * Only the comments and a leading byte order mark. Looks at the lines that might have a comment, and takes it that no string goes over the end of a
 * line: where that is wrong, the text is no JSON, and parsing says so.
 */
export const blankComments = (text: string): string | Fault => {
  const gaps = markGap(text)
  let outside = gaps.length / 2
  let line = text.indexOf("//")
  let block = text.indexOf("/*")
  while (line !== -1 || block !== -1) {
    const start = line === -1 || (block !== -1 && block < line) ? block : line
    let offset = Math.max(outside, text.lastIndexOf("\n", start) + 1)
    let open = text.indexOf('"', offset)
    while (open !== -1 && open < start) {
      offset = stringEnd(text, open)
      open = offset > start ? -1 : text.indexOf('"', offset)
    }
    if (offset <= start) {
      offset = commentEnd(text, start)
      if (offset === -1) return badComment(text, start)
      gaps.push(start, offset)
    }
    outside = offset
    if (line !== -1 && line < outside) line = text.indexOf("//", outside)
    if (block !== -1 && block < outside) block = text.indexOf("/*", outside)
  }
  return erase(text, gaps)
}

/** The same text with comments, trailing commas and a leading byte order mark turned into spaces. */
export const blank = (text: string): string | Fault => {
  const gaps = markGap(text)
  let trailing = -1
  let before = 0
  let offset = gaps.length / 2
  while (offset < text.length) {
    const code = text.charCodeAt(offset)
    if (code === quote) {
      trailing = -1
      before = code
      offset = stringEnd(text, offset)
      continue
    }
    if (code === slash) {
      const end = commentEnd(text, offset)
      if (end === -1) return badComment(text, offset)
      gaps.push(offset, end)
      offset = end
      continue
    }
    if (code === comma) {
      trailing = before === comma || before === colon || before === openBrace || before === openBracket ? -1 : offset
      before = code
    } else if (code === closeBrace || code === closeBracket) {
      if (trailing !== -1) insertGap(gaps, trailing)
      trailing = -1
      before = code
    } else if (!isSpace(code)) {
      trailing = -1
      before = code
    }
    offset++
  }
  return erase(text, gaps)
}

/** A trailing comma is known as such only after the comments behind it. */
const insertGap = (gaps: Array<number>, at: number): void => {
  let index = gaps.length
  while (index > 0 && gaps[index - 2]! > at) index -= 2
  gaps.splice(index, 0, at, at + 1)
}
