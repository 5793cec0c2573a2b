/**
 * Where members stand in a text that is being edited: found out as far as somebody asks, and kept while the text changes. Offsets are relative to
 * the container around, so that a change moves only what stands behind it in the containers that it is in. For texts that parse.
 */

import { arrayIndex, type Tokens } from "../../JsonPointer.ts"
import { colon, comma, openBrace, openBracket, openingOf, quote, skipGap, skipValue, stringEnd } from "./Characters.ts"

/** A part of a text. */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** A member of an object or an element of an array, and where it stands from its container's opening brace or bracket on. */
export interface Item {
  /** Nothing in an array. */
  readonly key: string | undefined
  offset: number
  /** Where its value starts. */
  start: number
  end: number
  inner: Container | undefined
}

export interface Container {
  readonly items: Array<Item>
  /** Of several members with one key the last. Empty for an array. */
  readonly byKey: Map<string, Item>
  /** Keys that stand more than once. */
  readonly repeated: Set<string>
}

/** One container on a path. */
export interface Step {
  readonly container: Container
  /** Its place in the text. */
  readonly span: Span
  /** What stands at the next token; nothing at the end of what is there. */
  readonly item: Item | undefined
}

export class Outline {
  readonly #root: Item

  constructor(text: string) {
    const start = openingOf(text)
    this.#root = { key: undefined, offset: start, start, end: skipValue(text, start), inner: undefined }
  }

  /** The containers on the path as far as it is there, or the first path on the way whose key stands more than once. */
  walk(text: string, tokens: Tokens): { readonly steps: ReadonlyArray<Step> } | { readonly twice: Tokens } {
    const steps: Array<Step> = []
    let item: Item | undefined = this.#root
    let offset = 0
    for (const token of tokens) {
      offset += item.start
      const code = text.charCodeAt(offset)
      if (code !== openBrace && code !== openBracket) break
      item.inner ??= containerAt(text, offset)
      const container: Container = item.inner
      if (container.repeated.has(token)) return { twice: tokens.slice(0, steps.length + 1) }
      const span: Span = { offset, length: item.end - item.start }
      item = code === openBrace ? container.byKey.get(token) : container.items[arrayIndex(token) ?? -1]
      steps.push({ container, span, item })
      if (item === undefined) break
    }
    return { steps }
  }

  /** The value at the end of the steps has become `delta` longer. */
  replaced(steps: ReadonlyArray<Step>, delta: number): void {
    const { item } = steps.at(-1)!
    if (item !== undefined) item.inner = undefined
    this.#grow(steps, delta)
  }

  /** What stood at the end of the steps is gone. */
  removed(steps: ReadonlyArray<Step>, delta: number): void {
    const { container, item } = steps.at(-1)!
    const index = container.items.indexOf(item!)
    container.items.splice(index, 1)
    if (item!.key !== undefined) container.byKey.delete(item!.key)
    for (const behind of container.items.slice(index)) move(behind, delta)
    this.#grow(steps.slice(0, -1), delta)
  }

  /** At the end of the last container there is one more, at `offset` of the text. */
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

const containerAt = (text: string, open: number): Container => {
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
  return container
}

/** The member or element that stands at `offset`, in the container that opens at `open`. */
const itemAt = (text: string, offset: number, open: number): Item => {
  let start = offset
  let key: string | undefined
  if (text.charCodeAt(open) === openBrace && text.charCodeAt(offset) === quote) {
    const end = stringEnd(text, offset)
    key = String(JSON.parse(text.slice(offset, end)))
    start = skipGap(text, end)
    if (text.charCodeAt(start) === colon) start = skipGap(text, start + 1)
  }
  return { key, offset: offset - open, start: start - open, end: skipValue(text, start) - open, inner: undefined }
}
