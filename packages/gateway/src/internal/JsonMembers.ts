/**
 * Where the members `model` and `usage` of a JSON object stand in its bytes, and whether it has an `error`, without parsing it: the outermost
 * braces, keys and commas are checked, what lies deeper is only stepped over. What is no object by that measure has no members. One pass,
 * about a nanosecond per byte, and native search within long strings.
 */
import { Option } from "effect"

/** Levels of arrays and objects within a member of the outermost. */
export const maxDepth = 256

/** Reused for every text: `scan` overwrites the fields. Offsets are bytes, the end is exclusive, -1 stands for "is not there". */
export class JsonMembers {
  /** Whether arrays and objects nest deeper than `maxDepth`: to parse megabytes of that takes seconds. Told of what is an array too. */
  isTooDeep = false
  /** The value of the first `model`. */
  modelStart = -1
  modelEnd = -1
  /** Pairs of start and end of further members of that name: parsers take the last, so none may be left out. */
  furtherModels: Array<number> | undefined = undefined
  /** The value of the last `usage`. */
  usageStart = -1
  usageEnd = -1
  /** There is an `error` that is an object or a string. */
  hasError = false
  #bytes: Uint8Array = empty
  #end = 0
  #escaped = false

  /** Whether `bytes` from `start` to `end` are one object; nothing is found otherwise. */
  scan(bytes: Uint8Array, start: number, end: number): boolean {
    this.#forget()
    this.isTooDeep = false
    this.#bytes = bytes
    this.#end = end
    const isObject = this.#object(start)
    if (!isObject) this.#forget()
    this.#bytes = empty
    return isObject
  }

  #forget(): void {
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

  /** Behind the value; past the end if it does not end, `at` itself if there is none. */
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

  /** Behind the closing quote. */
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
    // An escape may have led past `near`, never into the middle of one.
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

/** Strings longer than this are searched natively, which costs a call. */
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

/** A key of up to five letters takes at most 30 bytes to escape. */
const unescaped = (bytes: Uint8Array, start: number, end: number): string | undefined => {
  if (end - start > 30) return undefined
  return Option.getOrUndefined(parse(`"${Buffer.from(bytes.subarray(start, end)).toString("latin1")}"`))
}

const parse = Option.liftThrowable((text: string): string => JSON.parse(text))
