/**
 * The fast path of reading. An edit in one place leaves everything before and behind it as it was: the innermost value around it is parsed
 * alone and put into the document of before. A complete value in place of a complete value, between unchanged neighbours, keeps a valid
 * text valid, so nothing else has to be looked at. Whatever does not fit (a change in two places, comments in the changed value, keys that stand
 * twice) is left to the full path.
 */

import type { Tokens } from "../../JsonPointer.ts"
import { adopt, isObject, keysOf } from "../Json.ts"
import { closeBrace, colon, comma, openBrace, openingOf, quote, skipGap, skipValue, stringEnd } from "./Characters.ts"
import type { Source } from "./Source.ts"

/** Where the members of one object stand, relative to its opening brace. Knows nothing of the text itself, so it keeps none alive. */
export interface Layout {
  readonly keys: Int32Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** Layouts of long members, made when first asked for. */
  readonly inner: Map<number, Layout>
}

/** A text, what it says, and where its members stand once somebody has asked. */
export interface Known {
  readonly text: string
  readonly source: Source
  layout: Layout | undefined
}

/** One value of the document has become another. */
export interface Patched {
  readonly tokens: Tokens
  /** Which member of its object each token is, in the order of the text. */
  readonly indexes: ReadonlyArray<number>
  readonly value: unknown
  /** The value is what it was. */
  readonly same: boolean
  readonly layout: Layout
}

/** A member shorter than this is parsed as a whole. */
const longMember = 2048

/** What `text` says otherwise than `before`; nothing where the full path must decide. */
export const patch = (before: Known, text: string): Patched | undefined => {
  const start = commonPrefix(before.text, text)
  const end = before.text.length - commonSuffix(before.text, text, start)
  const delta = text.length - before.text.length
  // changes far from each other are no change in one place: finding out where members stand would be for nothing
  if ((end - start) * 8 > before.text.length || (end + delta - start) * 8 > text.length) return undefined
  before.layout ??= layoutOf(before.text, openingOf(before.text))
  if (before.layout === undefined) return undefined
  const found = enclosing(before.text, before.source, before.layout, start, end)
  if (found === undefined) return undefined
  const length = found.end + delta - found.start
  if (length * 2 > text.length) return undefined
  const parsed = parseValue(text.slice(found.start, found.start + length))
  if (parsed === undefined) return undefined
  const tokens = found.steps.map((step) => step.key)
  const check = { faulty: false }
  const was = before.source.at(tokens)
  const value = adopt(parsed.value, was, tokens.length, check)
  if (check.faulty) return undefined
  const indexes = found.steps.map((step) => step.index)
  return { tokens, indexes, value, same: Object.is(value, was), layout: shift(found.steps, 0, delta) }
}

const parseValue = (text: string): { readonly value: unknown } | undefined => {
  if (!text.isWellFormed()) return undefined
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    return undefined
  }
}

/** Comparing slices is a comparison of memory; only the last few hundred characters are looked at one by one. */
const stride = 1024

const commonPrefix = (left: string, right: string): number => {
  const length = Math.min(left.length, right.length)
  let same = 0
  while (same + stride <= length && left.slice(same, same + stride) === right.slice(same, same + stride)) same += stride
  while (same < length && left.charCodeAt(same) === right.charCodeAt(same)) same++
  return same
}

const commonSuffix = (left: string, right: string, prefix: number): number => {
  const length = Math.min(left.length, right.length) - prefix
  const tail = (text: string, from: number, to: number): string => text.slice(text.length - to, text.length - from)
  let same = 0
  while (same + stride <= length && tail(left, same, same + stride) === tail(right, same, same + stride)) same += stride
  while (same < length && left.charCodeAt(left.length - 1 - same) === right.charCodeAt(right.length - 1 - same)) same++
  return same
}

interface Step {
  readonly layout: Layout
  readonly index: number
  readonly key: string
}

interface Enclosing {
  readonly steps: ReadonlyArray<Step>
  readonly start: number
  readonly end: number
}

/** The innermost member value that has `[start, end)` within it. */
const enclosing = (
  text: string,
  source: Source,
  rootLayout: Layout,
  start: number,
  end: number,
): Enclosing | undefined => {
  const steps: Array<Step> = []
  const path: Array<string> = []
  let found: Enclosing | undefined
  let layout: Layout | undefined = rootLayout
  let base = openingOf(text)
  while (layout !== undefined) {
    const place = source.place(path)
    // a key that stands twice makes positions and values disagree
    if (!isObject(place) || layout.starts.length !== keysOf(place).length) return found
    const index = lastAtMost(layout.starts, start - base)
    if (index === -1 || end > base + layout.ends[index]!) return found
    const keyStart = base + layout.keys[index]!
    const key: unknown = JSON.parse(text.slice(keyStart, stringEnd(text, keyStart)))
    if (typeof key !== "string" || !Object.hasOwn(place, key)) return found
    steps.push({ layout, index, key })
    path.push(key)
    const valueStart: number = base + layout.starts[index]!
    const valueEnd: number = base + layout.ends[index]!
    found = { steps: [...steps], start: valueStart, end: valueEnd }
    if (valueEnd - valueStart < longMember || text.charCodeAt(valueStart) !== openBrace) return found
    base = valueStart
    const parent: Layout = layout
    layout = parent.inner.get(index) ?? layoutOf(text, valueStart)
    if (layout !== undefined) parent.inner.set(index, layout)
  }
  return found
}

const lastAtMost = (sorted: Int32Array, limit: number): number => {
  let low = -1
  let high = sorted.length - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (sorted[middle]! <= limit) low = middle
    else high = middle - 1
  }
  return low
}

/** Everything behind the changed member has moved. */
const shift = (steps: ReadonlyArray<Step>, depth: number, delta: number): Layout => {
  const { index, layout } = steps[depth]!
  const inner = new Map(layout.inner)
  if (depth + 1 < steps.length) inner.set(index, shift(steps, depth + 1, delta))
  else inner.delete(index)
  return {
    keys: moved(layout.keys, index + 1, delta),
    starts: moved(layout.starts, index + 1, delta),
    ends: moved(layout.ends, index, delta),
    inner,
  }
}

const moved = (offsets: Int32Array, from: number, delta: number): Int32Array => {
  if (delta === 0) return offsets
  const copy = offsets.slice()
  for (let index = from; index < copy.length; index++) copy[index]! += delta
  return copy
}

/** The layout of the object that opens at `open`, in a text that is known to be valid. */
export const layoutOf = (text: string, open: number): Layout | undefined => {
  const keys: Array<number> = []
  const starts: Array<number> = []
  const ends: Array<number> = []
  let offset = skipGap(text, open + 1)
  while (text.charCodeAt(offset) === quote) {
    keys.push(offset - open)
    offset = skipGap(text, stringEnd(text, offset))
    if (text.charCodeAt(offset) !== colon) return undefined
    offset = skipGap(text, offset + 1)
    starts.push(offset - open)
    offset = skipValue(text, offset)
    ends.push(offset - open)
    offset = skipGap(text, offset)
    if (text.charCodeAt(offset) === comma) offset = skipGap(text, offset + 1)
  }
  if (text.charCodeAt(offset) !== closeBrace) return undefined
  return { keys: Int32Array.from(keys), starts: Int32Array.from(starts), ends: Int32Array.from(ends), inner: new Map() }
}
