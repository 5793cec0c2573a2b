/**
 * Where members are in a text that parses: found as far as a caller asks, and kept up to date while the text is edited. Offsets are
 * relative to the enclosing container, so that an edit moves only what follows it in the containers around it.
 */
import { arrayIndex, type Tokens } from "../../JsonPointer.ts"
import { colon, comma, openBrace, openBracket, openingOf, quote, skipGap, skipValue, stringEnd } from "./Characters.ts"
import { linesOf, type Position } from "./Text.ts"

/** A part of a text. */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** A member of an object or an element of an array. Offsets count from the opening brace or bracket of its container. */
interface Item {
  /** `undefined` in an array. */
  readonly key: string | undefined
  offset: number
  /** Where its value starts. */
  start: number
  end: number
  inner: Container | undefined
}

interface Container {
  readonly items: Array<Item>
  /** The last member of each name, because it is the one that counts. Empty for an array. */
  readonly byKey: Map<string, Item>
  /** Keys that occur more than once. */
  readonly repeated: Set<string>
}

/** One container on a path. */
export interface Step {
  readonly container: Container
  readonly span: Span
  /** The item at the next token, if there is one. */
  readonly item: Item | undefined
}

export class Outline {
  readonly #root: Item

  constructor(text: string) {
    const start = openingOf(text)
    // Its real end is found with its members, which saves a reading of the whole text.
    this.#root = { key: undefined, offset: start, start, end: text.length, inner: undefined }
  }

  /** The containers on a path, as far as they exist. */
  walk(text: string, tokens: Tokens): ReadonlyArray<Step> {
    const steps: Array<Step> = []
    let item: Item | undefined = this.#root
    let offset = 0
    for (const token of tokens) {
      offset += item.start
      const code = text.charCodeAt(offset)
      if (code !== openBrace && code !== openBracket) break
      if (item.inner === undefined) {
        const { container, end } = containerAt(text, offset)
        item.inner = container
        if (item === this.#root) item.end = end
      }
      const container: Container = item.inner
      const span: Span = { offset, length: item.end - item.start }
      item = code === openBrace ? container.byKey.get(token) : container.items[arrayIndex(token) ?? -1]
      steps.push({ container, span, item })
      if (item === undefined) break
    }
    return steps
  }

  /** The offset of the value at a path, or of its key; of the nearest enclosing one where there is none. */
  nearest(text: string, tokens: Tokens, at: "value" | "key"): number {
    const found = this.walk(text, tokens).findLast(({ item }) => item !== undefined)
    if (found === undefined) return this.#root.start
    return found.span.offset + (at === "key" ? found.item!.offset : found.item!.start)
  }

  /** The text of the value at a path, if there is one. */
  textAt(text: string, tokens: Tokens): string | undefined {
    const steps = this.walk(text, tokens)
    const { item, span } = steps.at(-1) ?? {}
    if (steps.length < tokens.length || item === undefined || span === undefined) return undefined
    return text.slice(span.offset + item.start, span.offset + item.end)
  }

  /** The value at the end of the steps was replaced and is now `delta` longer. */
  replaced(steps: ReadonlyArray<Step>, delta: number): void {
    const { item } = steps.at(-1)!
    if (item !== undefined) item.inner = undefined
    this.#grow(steps, delta)
  }

  /** The item at the end of the steps was removed. */
  removed(steps: ReadonlyArray<Step>, delta: number): void {
    const { container, item } = steps.at(-1)!
    const index = container.items.indexOf(item!)
    container.items.splice(index, 1)
    if (item!.key !== undefined) container.byKey.delete(item!.key)
    for (const following of container.items.slice(index)) move(following, delta)
    this.#grow(steps.slice(0, -1), delta)
  }

  /** An item was added at the end of the last container, at `offset` of the text. */
  appended(steps: ReadonlyArray<Step>, delta: number, text: string, offset: number): void {
    const { container, span } = steps.at(-1)!
    add(container, itemAt(text, offset, span.offset))
    this.#grow(steps.slice(0, -1), delta)
  }

  #grow(steps: ReadonlyArray<Step>, delta: number): void {
    this.#root.end += delta
    for (const { container, item } of steps) {
      item!.end += delta
      const { items } = container
      for (let index = items.indexOf(item!) + 1; index < items.length; index++) move(items[index]!, delta)
    }
  }
}

const move = (item: Item, delta: number): void => {
  item.offset += delta
  item.start += delta
  item.end += delta
}

const add = ({ byKey, items, repeated }: Container, item: Item): void => {
  items.push(item)
  if (item.key === undefined) return
  if (byKey.has(item.key)) repeated.add(item.key)
  byKey.set(item.key, item)
}

/** The container that opens at `open`, and the offset behind it. */
const containerAt = (text: string, open: number): { readonly container: Container; readonly end: number } => {
  const container: Container = { items: [], byKey: new Map(), repeated: new Set() }
  const isArray = text.charCodeAt(open) === openBracket
  const close = isArray ? "]" : "}"
  let offset = skipGap(text, open + 1)
  while (offset < text.length && text[offset] !== close) {
    const item = itemAt(text, offset, open)
    add(container, item)
    offset = skipGap(text, open + item.end)
    if (text.charCodeAt(offset) === comma) offset = skipGap(text, offset + 1)
  }
  return { container, end: offset + 1 }
}

/** The member or element at `offset`, in the container that opens at `open`. */
const itemAt = (text: string, offset: number, open: number): Item => {
  let start = offset
  let key: string | undefined
  if (text.charCodeAt(open) === openBrace && text.charCodeAt(offset) === quote) {
    const end = stringEnd(text, offset)
    const spelled = text.slice(offset + 1, end - 1)
    // Only an escaped key needs a parse, which costs more than the rest of the item.
    key = spelled.includes("\\") ? String(JSON.parse(text.slice(offset, end))) : spelled
    start = skipGap(text, end)
    if (text.charCodeAt(start) === colon) start = skipGap(text, start + 1)
  }
  return { key, offset: offset - open, start: start - open, end: skipValue(text, start) - open, inner: undefined }
}

/** Finds lines and columns of values, or of their keys. The text is read at the first question. */
export const positionsIn = (text: string): ((tokens: Tokens, at: "value" | "key") => Position) => {
  let outline: Outline | undefined
  let lines: ((offset: number) => Position) | undefined
  return (tokens, at) => {
    outline ??= new Outline(text)
    lines ??= linesOf(text)
    return lines(outline.nearest(text, tokens, at))
  }
}
