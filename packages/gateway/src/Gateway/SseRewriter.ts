/**
 * Puts the alias into the `model` of every event of a stream, whatever way the stream is cut: an event is looked at when it is whole, all
 * else (comments, other fields, `[DONE]`, what is no JSON object) passes unchanged and at once. Line ends are LF, CRLF and CR, as in
 * the HTML standard, section "Server-sent events".
 */
import { JsonMembers } from "./JsonMembers.ts"
import { namesIn, renamed } from "./ModelName.ts"

/** Of one event, and so of what is held back; a longer one ends the stream. */
export const maxEventBytes = 8 * 1024 * 1024

export class SseRewriter {
  /** The last `usage` that was seen, as JSON. */
  usage: Buffer | undefined = undefined
  /** An event was longer than the bound: what came of it is gone, and nothing that follows makes sense. */
  isOverrun = false
  readonly #alias: Buffer
  readonly #members = new JsonMembers()
  /** Of the event that is not whole yet. */
  #held: Array<Buffer> = []
  #heldBytes = 0
  #isFirst = true
  // Of the event that is being looked at.
  #dataLines: Array<number> = []
  #places: Array<number> = []

  /** `alias` is JSON. */
  constructor(alias: Buffer) {
    this.#alias = alias
  }

  /** What may be passed on now; look at `isOverrun` afterwards. */
  push(chunk: Buffer): Buffer | undefined {
    if (this.#heldBytes === 0) return this.#lines(chunk)
    this.#held.push(chunk)
    this.#heldBytes += chunk.length
    // Only a line's end can make an event whole; without one there is nothing to look at, and nothing to copy.
    if (!chunk.includes(lineFeed) && !chunk.includes(carriageReturn)) {
      if (this.#heldBytes > maxEventBytes) this.#overrun()
      return undefined
    }
    return this.#lines(this.#take())
  }

  /** What was held back when the stream ended: an event that ends with it instead of with a blank line. */
  end(): Buffer | undefined {
    if (this.#heldBytes === 0) return undefined
    const rest = this.#take()
    this.#places = []
    this.#dataLines = []
    let at = this.#isFirst ? afterMark(rest) : 0
    while (at < rest.length) {
      const lineEnd = this.#lineEnd(rest, at, true)
      this.#line(rest, at, lineEnd)
      at = Math.min(this.#next(rest, lineEnd), rest.length)
    }
    this.#event(rest)
    return renamed(rest, 0, rest.length, this.#places, this.#alias)
  }

  #overrun(): void {
    this.isOverrun = true
    this.#take()
  }

  #take(): Buffer {
    const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    return all
  }

  #hold(rest: Buffer): void {
    if (rest.length === 0) return
    this.#held.push(rest)
    this.#heldBytes = rest.length
    if (rest.length > maxEventBytes) this.#overrun()
  }

  #lines(bytes: Buffer): Buffer | undefined {
    const hasReturns = bytes.includes(carriageReturn)
    this.#places.length = 0
    this.#dataLines.length = 0
    let at = this.#isFirst ? afterMark(bytes) : 0
    let passed = 0
    while (at < bytes.length) {
      const isBlank = bytes[at] === lineFeed
      const lineEnd = isBlank ? at : hasReturns ? this.#lineEnd(bytes, at, false) : bytes.indexOf(lineFeed, at)
      if (lineEnd === -1) break
      if (lineEnd === at) {
        this.#event(bytes)
        at = this.#next(bytes, lineEnd)
        passed = at
      } else {
        this.#line(bytes, at, lineEnd)
        at = this.#next(bytes, lineEnd)
        if (this.#dataLines.length === 0) passed = at
      }
    }
    if (passed > 0) this.#isFirst = false
    // The LF of a CRLF that was cut in two comes as a blank line then: an event of nothing.
    this.#hold(bytes.subarray(passed))
    return passed === 0 ? undefined : renamed(bytes, 0, passed, this.#places, this.#alias)
  }

  #lineEnd(bytes: Buffer, at: number, isLast: boolean): number {
    const feed = bytes.indexOf(lineFeed, at)
    const ret = bytes.indexOf(carriageReturn, at)
    if (feed === -1 && ret === -1) return isLast ? bytes.length : -1
    return ret === -1 || (feed !== -1 && feed < ret) ? feed : ret
  }

  #next(bytes: Buffer, lineEnd: number): number {
    return bytes[lineEnd] === carriageReturn && bytes[lineEnd + 1] === lineFeed ? lineEnd + 2 : lineEnd + 1
  }

  #line(bytes: Buffer, start: number, end: number): void {
    let at = start
    const isData = bytes[at] === 0x64 && bytes[at + 1] === 0x61 && bytes[at + 2] === 0x74 && bytes[at + 3] === 0x61
    if (!isData || at + 4 > end) return
    at += 4
    if (at === end) return void this.#dataLines.push(end, end)
    if (bytes[at] !== colon) return
    at++
    if (at < end && bytes[at] === space) at++
    this.#dataLines.push(at, end)
  }

  /** A blank line: the event is whole. */
  #event(bytes: Buffer): void {
    const lines = this.#dataLines
    if (lines.length === 2) {
      if (bytes[lines[0]!] === openBrace || isSpace(bytes[lines[0]!])) this.#look(bytes, lines[0]!, lines[1]!, lines)
    } else if (lines.length > 2) {
      const joined = Buffer.concat(
        lines.flatMap((start, index) => (index % 2 === 0 ? [bytes.subarray(start, lines[index + 1]), newLine] : [])),
      )
      this.#look(joined, 0, joined.length, lines)
    }
    lines.length = 0
  }

  #look(bytes: Buffer, start: number, end: number, lines: ReadonlyArray<number>): void {
    const members = this.#members
    if (!members.scan(bytes, start, end)) return
    if (members.usageStart !== -1 && bytes[members.usageStart] === openBrace) {
      this.usage = Buffer.from(bytes.subarray(members.usageStart, members.usageEnd))
    }
    const names = namesIn(bytes, members)
    for (let i = 0; i < names.length; i += 2) {
      const [from, to] = [names[i]!, names[i + 1]!]
      if (to - from === this.#alias.length && this.#alias.compare(bytes, from, to) === 0) continue
      if (lines.length === 2) this.#places.push(from, to)
      else this.#pushWithin(lines, from, to)
    }
  }

  /** A JSON string has no line end in it: it stands within one line. */
  #pushWithin(lines: ReadonlyArray<number>, from: number, to: number): void {
    let before = 0
    for (let i = 0; i < lines.length; i += 2) {
      const [start, end] = [lines[i]!, lines[i + 1]!]
      const length = end - start
      if (from >= before && to <= before + length) this.#places.push(start + from - before, start + to - before)
      before += length + 1
    }
  }
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const space = 0x20
const openBrace = 0x7b
/** Behind a byte order mark, if there is one. */
const afterMark = (bytes: Buffer): number => (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0)
const newLine = Buffer.from("\n")
const isSpace = (byte: number | undefined): boolean => byte === space || byte === 0x09

/** Whether these whole lines end with the event that ends a stream of OpenAI's, as nearly all providers write it. */
export const isLast = (lines: Buffer): boolean => {
  const at = lines.length - done.length
  // The last of another event is a brace.
  if (at < 0 || lines[lines.length - 3] !== closeBracket || done.compare(lines, at) !== 0) return false
  return at === 0 || (lines[at - 1] === lineFeed && lines[at - 2] === lineFeed)
}
const done = Buffer.from("data: [DONE]\n\n")
const closeBracket = 0x5d
