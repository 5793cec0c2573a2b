/**
 * Finds the members `model` and `usage` of a JSON object in its bytes, and whether it has an `error`, without parsing it. The scan checks the
 * outermost braces, keys and commas and skips nested values; anything else than one object has no members. It is one pass of about a nanosecond
 * per byte, with native search within long strings.
 */
import { Option } from "effect"

/** Nested arrays and objects within one member. */
export const maxDepth = 256

/** Reusable: `scan` overwrites the fields. Offsets are in bytes, ends are exclusive, -1 means absent. */
export class JsonMembers {
  /** Whether arrays and objects nest deeper than `maxDepth`, for an array as well: parsing megabytes of brackets takes seconds. */
  isTooDeep = false
  /** The value of the first `model`. */
  modelStart = -1
  modelEnd = -1
  /** Start and end of each further `model`, in turn. Most parsers use the last, so all of them count. */
  furtherModels: Array<number> | undefined = undefined
  /** The value of the last `usage`. */
  usageStart = -1
  usageEnd = -1
  /** Whether an `error` is present that is an object or a string. */
  hasError = false
  #bytes: Uint8Array = empty
  #end = 0
  #escaped = false

  /** Whether the bytes from `start` to `end` are one object. If not, no member is found. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    this.#reset()
    this.isTooDeep = false
    this.#bytes = bytes
    this.#end = end
    const isObject = this.#object(start)
    if (!isObject) this.#reset()
    this.#bytes = empty
    return isObject
  }

  #reset(): void {
    this.modelStart = -1
    this.modelEnd = -1
    this.furtherModels = undefined
    this.usageStart = -1
    this.usageEnd = -1
    this.hasError = false
  }

  #object(start: number): boolean {
    const bytes = this.#bytes
    let at = this.#space(start)
    if (at < this.#end && bytes[at] === openBracket) this.#nested(at)
    if (at >= this.#end || bytes[at] !== openBrace) return false
    at = this.#space(at + 1)
    if (bytes[at] === closeBrace && at < this.#end) return this.#space(at + 1) === this.#end
    while (at < this.#end && bytes[at] === quote) {
      const key = at + 1
      at = this.#string(at)
      const keyEnd = at - 1
      const escaped = this.#escaped
      at = this.#space(at)
      if (at >= this.#end || bytes[at] !== colon) return false
      const value = this.#space(at + 1)
      at = this.#value(value)
      if (at > this.#end || at === value) return false
      this.#member(key, keyEnd, escaped, value, at)
      at = this.#space(at)
      if (at >= this.#end) return false
      if (bytes[at] === closeBrace) return this.#space(at + 1) === this.#end
      if (bytes[at] !== comma) return false
      at = this.#space(at + 1)
    }
    return false
  }

  #member(key: number, keyEnd: number, escaped: boolean, start: number, end: number): void {
    const name = escaped ? unescaped(this.#bytes, key, keyEnd) : undefined
    if (name === "model" || (!escaped && isWord(this.#bytes, key, keyEnd, modelWord))) {
      if (this.modelStart === -1) {
        this.modelStart = start
        this.modelEnd = end
      } else {
        this.furtherModels ??= []
        this.furtherModels.push(start, end)
      }
    } else if (name === "usage" || (!escaped && isWord(this.#bytes, key, keyEnd, usageWord))) {
      this.usageStart = start
      this.usageEnd = end
    } else if (name === "error" || (!escaped && isWord(this.#bytes, key, keyEnd, errorWord))) {
      this.hasError ||= this.#bytes[start] === openBrace || this.#bytes[start] === quote
    }
  }

  #space(at: number): number {
    const bytes = this.#bytes
    while (at < this.#end && isSpace(bytes[at]!)) at++
    return at
  }

  /** Returns the offset after the value: past the end for an unterminated value, `at` itself for none. */
  #value(at: number): number {
    const bytes = this.#bytes
    const first = at < this.#end ? bytes[at] : undefined
    if (first === quote) return this.#string(at)
    if (first === openBrace || first === openBracket) return this.#nested(at)
    while (at < this.#end && !isDelimiter(bytes[at]!)) at++
    return at
  }

  #nested(at: number): number {
    const bytes = this.#bytes
    const end = this.#end
    let depth = 0
    while (at < end) {
      const byte = bytes[at]!
      if (byte === quote) {
        at = this.#string(at)
        continue
      }
      at++
      if (byte === openBrace || byte === openBracket) {
        if (++depth > maxDepth) this.isTooDeep = true
      } else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) return at
    }
    return end + 1
  }

  /** Returns the offset after the closing quote. */
  #string(at: number): number {
    const bytes = this.#bytes
    const end = this.#end
    this.#escaped = false
    at++
    const near = Math.min(end, at + nearBytes)
    while (at < near) {
      const byte = bytes[at]!
      if (byte === quote) return at + 1
      if (byte === backslash) {
        this.#escaped = true
        at++
      }
      at++
    }
    // `at` may be past `near` after an escape, but never within one.
    while (at < end) {
      const found = bytes.indexOf(quote, at)
      if (found === -1 || found >= end) return end + 1
      let slashes = 0
      while (found - slashes > at && bytes[found - slashes - 1] === backslash) slashes++
      if (slashes % 2 === 0) {
        this.#escaped ||= bytes.subarray(at, found).includes(backslash)
        return found + 1
      }
      this.#escaped = true
      at = found + 1
    }
    return end + 1
  }
}

/** Longer strings are searched natively, which costs a call. */
const nearBytes = 96

const empty = new Uint8Array(0)
const quote = 0x22
const backslash = 0x5c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const colon = 0x3a
const comma = 0x2c
const modelWord = Buffer.from("model")
const usageWord = Buffer.from("usage")
const errorWord = Buffer.from("error")

const isSpace = (byte: number): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

const isDelimiter = (byte: number): boolean =>
  byte === comma || byte === closeBrace || byte === closeBracket || byte === colon || byte === quote || isSpace(byte)

const isWord = (bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean =>
  end - start === word.length &&
  bytes[start] === word[0] &&
  bytes[start + 1] === word[1] &&
  bytes[start + 2] === word[2] &&
  bytes[start + 3] === word[3] &&
  bytes[start + 4] === word[4]

/** The keys have five letters, at most 30 bytes when escaped. */
const unescaped = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start > 30) return undefined
  return Option.getOrUndefined(parse(`"${Buffer.from(bytes.subarray(start, end)).toString("latin1")}"`))
}

const parse = Option.liftThrowable((text: string): string => JSON.parse(text))
