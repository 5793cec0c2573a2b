/**
 * JSON with comments and trailing commas, read strictly. `JSON.parse` does the work: comments and trailing commas are blanked to spaces
 * first, so that offsets stay, and no value is a slice that keeps the whole text alive. Where it fails, a checker without recursion says
 * what is wrong at which offset, without quoting the text.
 */
import { Result } from "effect"
import { maxDepth } from "./Json.ts"

export interface Fault {
  readonly offset: number
  readonly message: string
}

export interface Parsed {
  readonly value: unknown
  /** The text had to be blanked: it has comments, trailing commas or a byte order mark. */
  readonly commented: boolean
}

/** Longer texts are refused: 16 Mi UTF-16 units. */
export const maxLength = 16 * 1024 * 1024

/** `commented` says that the text probably has comments, so that no time goes into a strict attempt first. */
export const parse = (text: string, commented: boolean): Result.Result<Parsed, Fault> => {
  if (text.length > maxLength) {
    return Result.fail({ offset: 0, message: "the document is longer than 16 MiB: make it smaller" })
  }
  if (!text.isWellFormed()) {
    return Result.fail({
      offset: loneSurrogate(text),
      message: "half of a surrogate pair: remove the broken character",
    })
  }
  if (!commented) {
    const strict = attempt(text)
    if (strict !== undefined) return Result.succeed({ value: strict.value, commented: false })
  }
  const plain = blank(text)
  if (typeof plain !== "string") return Result.fail(plain)
  const value = attempt(plain)
  if (value === undefined) return Result.fail(check(plain) ?? { offset: 0, message: "this is not JSON" })
  return Result.succeed({ value: value.value, commented: plain !== text })
}

const attempt = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

const loneSurrogate = (text: string): number => {
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset)
    if (code < 0xd800 || code > 0xdfff) continue
    const next = text.charCodeAt(offset + 1)
    if (code > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return offset
    offset++
  }
  return 0
}

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

/** The offset just behind a comment that starts at `open`, -1 if there is none or it never ends. */
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

const quote = 0x22
const comma = 0x2c
const slash = 0x2f
const asterisk = 0x2a
const backslash = 0x5c
const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d

const isSpace = (code: number): boolean =>
  code === 0x20 || code === 0x09 || code === lineFeed || code === carriageReturn

/** The same text with comments, trailing commas and a leading byte order mark turned into spaces. */
export const blank = (text: string): string | Fault => {
  let result = ""
  let copied = 0
  let trailing = -1
  let before = 0
  let offset = 0
  const erase = (from: number, to: number): void => {
    result += text.slice(copied, from) + " ".repeat(to - from)
    copied = to
  }
  if (text.charCodeAt(0) === 0xfeff) erase(0, ++offset)
  const gaps: Array<number> = []
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
      if (end === -1) {
        const started = text.charCodeAt(offset + 1) === asterisk
        const message = started ? "this comment is never closed: add */" : "a / that starts no comment: remove it"
        return { offset, message }
      }
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
  for (let index = 0; index < gaps.length; index += 2) erase(gaps[index]!, gaps[index + 1]!)
  return copied === 0 ? text : result + text.slice(copied)
}

/** A trailing comma is known as such only after the comments behind it. */
const insertGap = (gaps: Array<number>, at: number): void => {
  let index = gaps.length
  while (index > 0 && gaps[index - 2]! > at) index -= 2
  gaps.splice(index, 0, at, at + 1)
}

/** The first fault of a text as JSON (without comments), nothing if it is JSON and not nested too deep. */
export const check = (text: string): Fault | undefined => {
  const open: Array<number> = []
  let state: "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" = "value"
  let offset = skipSpace(text, 0)
  if (offset === text.length) {
    return { offset: 0, message: "the document is empty: write {} at least" }
  }
  const fault = (message: string): Fault => ({ offset, message })
  for (;;) {
    offset = skipSpace(text, offset)
    const inside = open.at(-1)
    if (offset >= text.length) {
      if (open.length === 0) return undefined
      return fault(`the document ends too early: ${inside === openBrace ? "}" : "]"} is missing`)
    }
    const code = text.charCodeAt(offset)
    if (open.length === 0 && state === "comma or end") {
      return fault("more text behind the end of the document: remove it, or a bracket before it")
    }
    if ((state === "key" || state === "key or end") && code !== closeBrace) {
      if (code !== quote)
        return fault(code === comma ? "a comma too many: remove it" : "a key in double quotes is expected here")
      const wrong = checkString(text, offset)
      if (wrong !== undefined) return wrong
      offset = stringEnd(text, offset)
      state = "colon"
    } else if (state === "colon") {
      if (code !== colon) return fault("a : is expected here, between key and value")
      offset++
      state = "value"
    } else if (code === closeBrace || code === closeBracket) {
      const matches = inside === (code === closeBrace ? openBrace : openBracket)
      if (!matches || state === "value" || state === "key") {
        const surplus = matches && (state === "key" || code === closeBracket)
        return fault(surplus ? "a comma too many before this: remove it" : unexpectedEnd(inside, state))
      }
      open.pop()
      offset++
      state = "comma or end"
    } else if (state === "comma or end") {
      if (code !== comma) return fault(`a , or ${inside === openBrace ? "}" : "]"} is expected here`)
      offset++
      state = inside === openBrace ? "key" : "value"
    } else if (code === openBrace || code === openBracket) {
      if (open.length >= maxDepth) return fault(`nested deeper than ${maxDepth} levels: make it flatter`)
      open.push(code)
      offset++
      state = code === openBrace ? "key or end" : "value or end"
    } else {
      const end = scalarEnd(text, offset)
      if (typeof end !== "number") return end
      offset = end
      state = "comma or end"
    }
  }
}

const unexpectedEnd = (inside: number | undefined, state: string): string =>
  state.startsWith("value")
    ? "a value is expected here"
    : `this bracket closes nothing: ${inside === openBrace ? "} is expected" : inside === openBracket ? "] is expected" : "remove it"}`

const skipSpace = (text: string, from: number): number => {
  let offset = from
  while (offset < text.length && isSpace(text.charCodeAt(offset))) offset++
  return offset
}

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const wordPattern = /[^\s,:{}[\]"]+/y

const scalarEnd = (text: string, offset: number): number | Fault => {
  if (text.charCodeAt(offset) === quote) return checkString(text, offset) ?? stringEnd(text, offset)
  wordPattern.lastIndex = offset
  const length = wordPattern.exec(text)?.[0].length ?? 0
  for (const word of ["true", "false", "null"]) {
    if (length === word.length && text.startsWith(word, offset)) return offset + length
  }
  numberPattern.lastIndex = offset
  if (length > 0 && numberPattern.exec(text)?.[0].length === length) return offset + length
  return { offset, message: "a value is expected here: a string in double quotes, a number, true, false, null, { or [" }
}

const checkString = (text: string, open: number): Fault | undefined => {
  for (let offset = open + 1; offset < text.length; offset++) {
    const code = text.charCodeAt(offset)
    if (code === quote) return undefined
    if (code === lineFeed || code === carriageReturn)
      return { offset: open, message: "this string is not closed on its line" }
    if (code < 0x20) return { offset, message: "a control character in a string: write it as an escape" }
    if (code !== backslash) continue
    const escape = text[++offset] ?? ""
    if (escape === "u" && /^[0-9a-fA-F]{4}$/.test(text.slice(offset + 1, offset + 5))) offset += 4
    else if (escape === "" || !'"\\/bfnrt'.includes(escape)) {
      return { offset: offset - 1, message: "an escape that JSON does not know: double the backslash" }
    }
  }
  return { offset: open, message: "this string is never closed" }
}

/** The offset at which nesting passes `maxDepth`, -1 if it does not. For texts that parse. */
export const depthExceeded = (text: string): number => {
  let depth = 0
  for (let offset = 0; offset < text.length; offset++) {
    const code = text.charCodeAt(offset)
    if (code === quote) offset = stringEnd(text, offset) - 1
    else if (code === slash) offset = Math.max(offset, commentEnd(text, offset) - 1)
    else if (code === openBrace || code === openBracket) {
      if (++depth > maxDepth) return offset
    } else if (code === closeBrace || code === closeBracket) depth--
  }
  return -1
}

/** Turns offsets into lines and columns, both from 1, as editors count them. */
export const lines = (text: string): ((offset: number) => { readonly line: number; readonly column: number }) => {
  const starts = [0]
  for (let offset = text.indexOf("\n"); offset !== -1; offset = text.indexOf("\n", offset + 1)) starts.push(offset + 1)
  const marked = text.charCodeAt(0) === 0xfeff ? 1 : 0
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    const column = offset - starts[low]! + 1
    return { line: low + 1, column: low === 0 ? Math.max(1, column - marked) : column }
  }
}
