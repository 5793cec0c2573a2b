/**
 * Where the members of a text are, for texts that parse. Each object and array is read only as far as a caller asks, and no character is
 * read twice, as long as a caller opens a value before it reads what follows.
 */
import type { Tokens } from "../../JsonPointer.ts"
import {
  closeBrace,
  closeBracket,
  comma,
  markLength,
  openBrace,
  openBracket,
  skipGap,
  skipValue,
  stringEnd,
} from "./Characters.ts"
import { linesOf, type Position } from "./Text.ts"

/** A value, with the key before it. */
export class Part {
  readonly text: string
  /** The key in its object, or the index in its array. */
  readonly key: string
  /** Where the part starts: its key, or the value in an array. */
  readonly offset: number
  /** Where the value starts. */
  readonly start: number
  readonly kind: "object" | "array" | "scalar"
  private isRead: boolean
  private readItems: Array<Part> | undefined
  private lastOf: Map<string, Part> | undefined
  private lastRead: Part | undefined
  private knownEnd: number | undefined

  constructor(text: string, key: string, offset: number, start: number) {
    this.text = text
    this.key = key
    this.offset = offset
    this.start = start
    const code = text.charCodeAt(start)
    this.kind = code === openBrace ? "object" : code === openBracket ? "array" : "scalar"
    this.isRead = this.kind === "scalar"
  }

  /** The items of an object or array that were read so far. */
  get items(): Array<Part> {
    this.readItems ??= []
    return this.readItems
  }

  /** The offset behind the value. */
  get end(): number {
    if (this.lastRead === undefined) this.knownEnd ??= skipValue(this.text, this.start)
    while (this.knownEnd === undefined) this.readItem()
    return this.knownEnd
  }

  /** Reads one more item. Returns `undefined` at the end. */
  readItem(): Part | undefined {
    if (this.isRead) return undefined
    const { lastRead, start, text } = this
    const isObject = this.kind === "object"
    const behind = skipGap(text, lastRead?.end ?? start + 1)
    const offset = text.charCodeAt(behind) === comma ? skipGap(text, behind + 1) : behind
    const code = text.charCodeAt(offset)
    if (code === closeBrace || code === closeBracket || offset >= text.length) {
      this.isRead = true
      this.knownEnd = offset + 1
      return undefined
    }
    const keyEnd = isObject ? stringEnd(text, offset) : offset
    const key = isObject ? keyOf(text.slice(offset, keyEnd)) : String(Number(lastRead?.key ?? -1) + 1)
    // Behind the key are a colon and spaces or comments around it.
    const item = new Part(text, key, offset, isObject ? skipGap(text, skipGap(text, keyEnd) + 1) : offset)
    this.lastRead = item
    this.items.push(item)
    return item
  }

  /** The text of the value. */
  get spelled(): string {
    return this.text.slice(this.start, this.end)
  }

  /** All items. */
  get all(): Array<Part> {
    while (this.readItem() !== undefined);
    return this.items
  }

  /** The member of that name, or the element. The last one counts where the name occurs again. */
  last(key: string): Part | undefined {
    this.lastOf ??= new Map(this.all.map((item) => [item.key, item]))
    return this.lastOf.get(key)
  }
}

/** Only an escaped key needs a parse, which costs more than everything else. */
const keyOf = (spelled: string): string => (spelled.includes("\\") ? String(JSON.parse(spelled)) : spelled.slice(1, -1))

export const outlineOf = (text: string): Part => {
  const start = skipGap(text, markLength(text))
  return new Part(text, "", start, start)
}

/** The parts on the path to a value, as far as they exist. */
export const partsAt = (root: Part, tokens: Tokens): ReadonlyArray<Part> => {
  const parts = [root]
  for (const token of tokens) {
    const part = parts.at(-1)!.last(token)
    if (part === undefined) break
    parts.push(part)
  }
  return parts
}

/** Finds lines and columns of values, or of their keys; of the nearest enclosing one where there is none. The text is read at the first question. */
export const positionsIn = (text: string): ((tokens: Tokens, at: "value" | "key") => Position) => {
  let outline: Part | undefined
  let lines: ((offset: number) => Position) | undefined
  return (tokens, at) => {
    outline ??= outlineOf(text)
    lines ??= linesOf(text)
    const { offset, start } = partsAt(outline, tokens).at(-1)!
    return lines(at === "key" ? offset : start)
  }
}
