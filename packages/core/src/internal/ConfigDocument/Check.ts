/** Says what is wrong with a text that JSON.parse refuses, and where, without quoting it and without recursion. */

import { maxDepth } from "../Json.ts"
import {
  backslash,
  carriageReturn,
  closeBrace,
  closeBracket,
  colon,
  comma,
  isSpace,
  lineFeed,
  openBrace,
  openBracket,
  quote,
  stringEnd,
} from "./Characters.ts"
import type { Fault } from "./Text.ts"

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
