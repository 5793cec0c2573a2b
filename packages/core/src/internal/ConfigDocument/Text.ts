/**
 * JSON with comments and trailing commas, read strictly. `JSON.parse` does the work: comments and trailing commas are blanked to spaces
 * first, so that offsets stay, and no value is a slice that keeps the whole text alive.
 */
import { Result } from "effect"
import { maxDepth } from "../Json.ts"
import { blank, blankComments } from "./Blank.ts"
import { closeBrace, closeBracket, commentEnd, openBrace, openBracket, quote, slash, stringEnd } from "./Characters.ts"
import { check } from "./Check.ts"

export interface Fault {
  readonly offset: number
  readonly message: string
}

/** How far a text goes beyond JSON: not at all, by comments, by trailing commas too. */
export type Habit = "strict" | "comments" | "commas"

export interface Parsed {
  readonly value: unknown
  readonly habit: Habit
}

/** Longer texts are refused: 16 Mi UTF-16 units. */
export const maxLength = 16 * 1024 * 1024

/** `habit`: what the text probably is, so that no time goes into trying less. */
export const parse = (text: string, habit: Habit = "strict"): Result.Result<Parsed, Fault> => {
  if (text.length > maxLength) {
    return Result.fail({ offset: 0, message: "the document is longer than 16 MiB: make it smaller" })
  }
  if (!text.isWellFormed()) {
    const message = "half of a surrogate pair: remove the broken character"
    return Result.fail({ offset: loneSurrogate(text), message })
  }
  const strict = habit === "strict" ? attempt(text) : undefined
  if (strict !== undefined) return Result.succeed({ value: strict.value, habit: "strict" })
  const bare = habit === "commas" ? undefined : blankComments(text)
  const commented = typeof bare === "string" ? attempt(bare) : undefined
  if (commented !== undefined)
    return Result.succeed({ value: commented.value, habit: bare === text ? "strict" : "comments" })
  const plain = blank(text)
  if (typeof plain !== "string") return Result.fail(plain)
  const loose = attempt(plain)
  if (loose !== undefined) return Result.succeed({ value: loose.value, habit: plain === text ? "strict" : "commas" })
  return Result.fail(check(plain) ?? { offset: 0, message: "this is not JSON" })
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
