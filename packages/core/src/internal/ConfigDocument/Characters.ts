/** Reads the text character by character, as UTF-16 units: where strings, comments and values end. Every function is linear. */

export const quote = 0x22
export const comma = 0x2c
export const slash = 0x2f
export const colon = 0x3a
export const openBrace = 0x7b
export const closeBrace = 0x7d
export const openBracket = 0x5b
export const closeBracket = 0x5d
const asterisk = 0x2a
const backslash = 0x5c
const lineFeed = 0x0a
const carriageReturn = 0x0d
const byteOrderMark = 0xfeff

/** 1 where the text starts with a byte order mark, else 0. */
export const markLength = (text: string): number => (text.charCodeAt(0) === byteOrderMark ? 1 : 0)

/** The offset just behind a string that starts at `open`; the text's length if it never ends. */
export const stringEnd = (text: string, open: number): number => {
  let close = text.indexOf('"', open + 1)
  while (close !== -1) {
    let slashes = 0
    while (text.charCodeAt(close - 1 - slashes) === backslash) slashes++
    if (slashes % 2 === 0) return close + 1
    close = text.indexOf('"', close + 1)
  }
  return text.length
}

/** The offset just behind a comment that starts at `open`, -1 if none starts there or it never ends. */
export const commentEnd = (text: string, open: number): number => {
  const second = text.charCodeAt(open + 1)
  if (second === slash) {
    let end = open + 2
    while (end < text.length && text.charCodeAt(end) !== lineFeed && text.charCodeAt(end) !== carriageReturn) end++
    return end
  }
  if (second !== asterisk) return -1
  const end = text.indexOf("*/", open + 2)
  return end === -1 ? -1 : end + 2
}

/** Skips spaces and comments. */
export const skipGap = (text: string, from: number): number => {
  let offset = from
  while (offset < text.length) {
    const code = text.charCodeAt(offset)
    if (code === slash) {
      const end = commentEnd(text, offset)
      if (end === -1) return offset
      offset = end
    } else if (code > 0x20) return offset
    else offset++
  }
  return offset
}

/** The offset behind a value, in a text that parses. */
export const skipValue = (text: string, from: number): number => {
  let depth = 0
  let offset = from
  while (offset < text.length) {
    const code = text.charCodeAt(offset)
    if (code === quote) {
      offset = stringEnd(text, offset)
      if (depth === 0) return offset
    } else if (code === openBrace || code === openBracket) {
      depth++
      offset++
    } else if (code === closeBrace || code === closeBracket) {
      if (depth === 0) return offset
      offset++
      if (--depth === 0) return offset
    } else if (code === slash) {
      if (depth === 0) return offset
      offset = Math.max(offset + 1, commentEnd(text, offset))
    } else if (depth === 0 && (code === comma || code <= 0x20)) return offset
    else offset++
  }
  return offset
}

/** Visits each comment, string and other character outside of them, without spaces. Ends at a comment that is never closed. */
export const scan = (text: string, visit: (code: number, from: number, to: number) => void): void => {
  let offset = markLength(text)
  while (offset < text.length) {
    const code = text.charCodeAt(offset)
    const end = code === quote ? stringEnd(text, offset) : code === slash ? commentEnd(text, offset) : offset + 1
    if (end === -1) return
    if (code > 0x20) visit(code, offset, end)
    offset = end
  }
}

/** A part of a text. */
export type Range = readonly [from: number, to: number]

/** Every comment of a text that parses. */
export const commentsOf = (text: string): ReadonlyArray<Range> => {
  const found: Array<Range> = []
  scan(text, (code, from, to) => {
    if (code === slash) found.push([from, to])
  })
  return found
}

/** A part of a text, and what takes its place. */
export type Gap = readonly [from: number, to: number, text: string]

/** The text with other text in its gaps, which must not overlap. */
export const replaceGaps = (text: string, gaps: ReadonlyArray<Gap>): string => {
  const parts: Array<string> = []
  let copied = 0
  for (const [from, to, replacement] of gaps.toSorted((left, right) => left[0] - right[0])) {
    parts.push(text.slice(copied, from), replacement)
    copied = to
  }
  // One flat string: a concatenation would be copied again when it is read.
  return [...parts, text.slice(copied)].join("")
}
