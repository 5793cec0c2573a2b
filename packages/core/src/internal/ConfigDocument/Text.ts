/**
 * JSON with comments and trailing commas. `JSON.parse` makes the values: comments and trailing commas become spaces first, so that offsets
 * stay and no value is a slice that keeps the whole text in memory. Reading and refusing take time linear in the text's length.
 */
import { Result } from "effect"
import { printParseErrorCode, visit } from "jsonc-parser"
import { maxDepth } from "../Json.ts"
import {
  closeBrace,
  closeBracket,
  colon,
  comma,
  type Gap,
  markLength,
  openBrace,
  openBracket,
  replaceGaps,
  scan,
  slash,
} from "./Characters.ts"

/** Why a text is refused, without quoting it. */
export interface Fault {
  readonly offset: number
  readonly message: string
}

/** Longer texts are refused: 16 Mi UTF-16 units. */
export const maxLength = 16 * 1024 * 1024

export const parse = (text: string): Result.Result<unknown, Fault> => {
  if (text.length > maxLength) {
    return Result.fail({ offset: 0, message: "the document is longer than 16 MiB: make it smaller" })
  }
  if (!text.isWellFormed()) {
    return Result.fail({
      offset: text.search(/\p{Surrogate}/u),
      message: "half of a surrogate pair: remove the broken character",
    })
  }
  const strict = attempt(text)
  if (strict !== undefined) return strict
  return attempt(blank(text)) ?? Result.fail(firstFault(text))
}

const attempt = (text: string): Result.Result<unknown> | undefined => {
  try {
    return Result.succeed(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** The text with comments, trailing commas and a leading byte order mark turned into spaces. */
const blank = (text: string): string => {
  const gaps: Array<Gap> = [[0, markLength(text), " ".repeat(markLength(text))]]
  let before = 0
  // The comma that may turn out to be a trailing one.
  let trailing = -1
  scan(text, (code, from, to) => {
    if (code === slash) {
      gaps.push([from, to, " ".repeat(to - from)])
      return
    }
    if ((code === closeBrace || code === closeBracket) && trailing !== -1) gaps.push([trailing, trailing + 1, " "])
    const follows = before === comma || before === colon || before === openBrace || before === openBracket
    trailing = code === comma && !follows ? from : -1
    before = code
  })
  return replaceGaps(text, gaps)
}

/** The first fault of a text that does not parse, or that is nested too deep. Reading ends there, however much text follows. */
export const firstFault = (text: string): Fault => {
  const open: Array<"}" | "]"> = []
  let fault: Fault | undefined
  const stop = (offset: number, message: string): never => {
    fault = { offset, message }
    throw stopped
  }
  const enter = (close: "}" | "]") => (offset: number) => {
    if (open.length >= maxDepth) stop(offset, `nested deeper than ${maxDepth} levels: make it flatter`)
    open.push(close)
  }
  const leave = () => {
    open.pop()
  }
  try {
    visit(
      withoutMark(text),
      {
        onObjectBegin: enter("}"),
        onArrayBegin: enter("]"),
        onObjectEnd: leave,
        onArrayEnd: leave,
        onError: (code, offset) => stop(offset, messageOf(printParseErrorCode(code), text, offset, open.at(-1))),
      },
      { allowTrailingComma: true },
    )
  } catch (thrown) {
    if (thrown !== stopped) throw thrown
  }
  return fault ?? { offset: 0, message: "this is not JSON" }
}

const stopped = new Error("the first fault is found")

/** jsonc-parser takes a byte order mark for an error. */
export const withoutMark = (text: string): string => (markLength(text) === 1 ? ` ${text.slice(1)}` : text)

const messages: Readonly<Record<string, string>> = {
  UnexpectedEndOfComment: "this comment is never closed: add */",
  UnexpectedEndOfString: "this string is not closed on its line",
  InvalidCharacter: "a control character in a string: write it as an escape",
  InvalidUnicode: "an escape in this string that JSON does not know: double the backslash",
  InvalidEscapeCharacter: "an escape in this string that JSON does not know: double the backslash",
  InvalidNumberFormat: "a number that JSON does not know: correct it",
  UnexpectedEndOfNumber: "a number that JSON does not know: correct it",
  EndOfFileExpected: "more text behind the end of the document: remove it, or a bracket before it",
}

const messageOf = (code: string, text: string, offset: number, close: string | undefined): string => {
  const message = messages[code]
  if (message !== undefined) return message
  const character = text.charAt(offset)
  if (character === "") {
    // jsonc-parser leaves a container before it reports that its end is missing.
    const missing = code === "CloseBraceExpected" ? "}" : code === "CloseBracketExpected" ? "]" : close
    return missing === undefined
      ? "the document is empty: write {} at least"
      : `the document ends too early: ${missing} is missing`
  }
  if (character === "/") return "a / that starts no comment: remove it"
  if (code === "ColonExpected") return "a : is expected here, between key and value"
  if (code === "CommaExpected") return `a , or ${close ?? "the end"} is expected here`
  if (character === ",") return "a comma too many: remove it"
  if (character === "}" || character === "]") return "a value is expected here"
  return code === "PropertyNameExpected"
    ? "a key in double quotes is expected here"
    : "a value is expected here: a string in double quotes, a number, true, false, null, { or ["
}

export interface Position {
  readonly line: number
  readonly column: number
}

/** Turns offsets into lines and columns, both from 1, as editors count them. */
export const linesOf = (text: string): ((offset: number) => Position) => {
  const starts = [0]
  for (let offset = text.indexOf("\n"); offset !== -1; offset = text.indexOf("\n", offset + 1)) starts.push(offset + 1)
  const mark = markLength(text)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    const column = offset - starts[low]! + 1
    return { line: low + 1, column: low === 0 ? Math.max(1, column - mark) : column }
  }
}
