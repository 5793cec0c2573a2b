/**
 * Replaces `model` by the alias in every event of a stream, wherever the chunks are cut. It inspects an event once it is complete. Everything else
 * (comments, other fields, `[DONE]`, data that is not a JSON object) passes unchanged and at once. Lines end with LF, CRLF or CR, as in the HTML
 * standard, section "Server-sent events".
 */
import { JsonMembers } from "../JsonMembers.ts"
import { namesIn, renamed } from "./ModelName.ts"
import type { BufferedBytes } from "./RequestBody.ts"

/** For one event, and so for the bytes held back. A longer event ends the stream. */
export const maxEventBytes = 8 * 1024 * 1024

export class SseRewriter {
  /** The last `usage` object, as JSON. */
  usage: Buffer | undefined = undefined
  /** An event exceeded its bound or the gateway's buffer. Its bytes are dropped, so the rest of the stream is unusable. */
  isOverrun = false
  /** `[DONE]` has passed. OpenAI's protocol ends the stream with it. */
  isDone = false
  /** The stream ended in the middle of an event. */
  isTruncated = false
  /** An event contained an `error`. */
  hasError = false
  readonly #alias: Buffer
  readonly #buffered: BufferedBytes
  readonly #members = new JsonMembers()
  /** Chunks of the incomplete event. */
  #pending: Array<Buffer> = []
  #pendingBytes = 0
  #isFirst = true
  // State of the event under inspection.
  #dataLines: Array<number> = []
  #nameRanges: Array<number> = []

  /** `alias` is JSON. Bytes held back count in `buffered` until they pass or `release` is called. */
  constructor(alias: Buffer, buffered: BufferedBytes) {
    this.#alias = alias
    this.#buffered = buffered
  }

  /** Returns the bytes that may be sent now. Check `isOverrun` afterwards. */
  push(chunk: Buffer): Buffer | undefined {
    if (this.#pendingBytes === 0) return this.#lines(chunk)
    if (!this.#buffered.tryAdd(chunk.length)) {
      this.#overrun()
      return undefined
    }
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    // Only a line end can complete an event, so a chunk without one needs no inspection and no copy.
    if (!chunk.includes(lineFeed) && !chunk.includes(carriageReturn)) {
      if (this.#pendingBytes > maxEventBytes) this.#overrun()
      return undefined
    }
    return this.#lines(this.#take())
  }

  /** Returns the bytes held back at the end of the stream, which may end an event without a blank line. Check `isTruncated` afterwards. */
  end(): Buffer | undefined {
    if (this.#pendingBytes === 0) return undefined
    const rest = this.#take()
    this.#nameRanges = []
    this.#dataLines = []
    const start = this.#isFirst ? afterMark(rest) : 0
    let at = start
    while (at < rest.length) {
      const lineEnd = this.#lineEnd(rest, at, true)
      this.#line(rest, at, lineEnd)
      at = Math.min(this.#next(rest, lineEnd), rest.length)
    }
    // A line without an end that is not a comment was cut.
    this.isTruncated = this.#dataLines.length > 0 ? !this.#event(rest) : start < rest.length && rest[start] !== colon
    return renamed(rest, 0, rest.length, this.#nameRanges, this.#alias)
  }

  /** Drops the bytes held back. */
  release(): void {
    this.#buffered.remove(this.#pendingBytes)
    this.#pending = []
    this.#pendingBytes = 0
  }

  #overrun(): void {
    this.isOverrun = true
    this.release()
  }

  #take(): Buffer {
    const all = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending, this.#pendingBytes)
    this.release()
    return all
  }

  #hold(rest: Buffer): void {
    if (rest.length === 0) return
    if (rest.length > maxEventBytes || !this.#buffered.tryAdd(rest.length)) {
      this.#overrun()
      return
    }
    this.#pending.push(rest)
    this.#pendingBytes = rest.length
  }

  #lines(bytes: Buffer): Buffer | undefined {
    const hasReturns = bytes.includes(carriageReturn)
    this.#nameRanges.length = 0
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
    // The LF of a CRLF that two chunks divide arrives as a blank line, an empty event.
    this.#hold(bytes.subarray(passed))
    return passed === 0 ? undefined : renamed(bytes, 0, passed, this.#nameRanges, this.#alias)
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

  /** Inspects a complete event. Returns whether its data is a JSON object or `[DONE]`. */
  #event(bytes: Buffer): boolean {
    const lines = this.#dataLines
    let isRecognized = false
    if (lines.length === 2) {
      const start = lines[0]!
      const end = lines[1]!
      if (bytes[start] === openBrace || isSpace(bytes[start])) isRecognized = this.#inspect(bytes, start, end, lines)
      else if (bytes[start] === openBracket && isDone(bytes, start, end)) isRecognized = this.isDone = true
    } else if (lines.length > 2) {
      const joined = Buffer.concat(
        lines.flatMap((start, index) => (index % 2 === 0 ? [bytes.subarray(start, lines[index + 1]), newLine] : [])),
      )
      isRecognized = this.#inspect(joined, 0, joined.length, lines)
    }
    lines.length = 0
    return isRecognized
  }

  #inspect(bytes: Buffer, start: number, end: number, lines: ReadonlyArray<number>): boolean {
    const members = this.#members
    if (!members.scan(bytes, start, end)) return false
    if (members.hasError) this.hasError = true
    if (members.usageStart !== -1 && bytes[members.usageStart] === openBrace) {
      this.usage = Buffer.from(bytes.subarray(members.usageStart, members.usageEnd))
    }
    const names = namesIn(bytes, members)
    for (let i = 0; i < names.length; i += 2) {
      const [from, to] = [names[i]!, names[i + 1]!]
      if (to - from === this.#alias.length && this.#alias.compare(bytes, from, to) === 0) continue
      if (lines.length === 2) this.#nameRanges.push(from, to)
      else this.#addNameRange(lines, from, to)
    }
    return true
  }

  /** Maps a range of the joined data to the lines. A JSON string has no line end, so it lies within one line. */
  #addNameRange(lines: ReadonlyArray<number>, from: number, to: number): void {
    let before = 0
    for (let i = 0; i < lines.length; i += 2) {
      const [start, end] = [lines[i]!, lines[i + 1]!]
      const length = end - start
      if (from >= before && to <= before + length) this.#nameRanges.push(start + from - before, start + to - before)
      before += length + 1
    }
  }
}

const lineFeed = 0x0a
const carriageReturn = 0x0d
const colon = 0x3a
const space = 0x20
const openBrace = 0x7b
const openBracket = 0x5b
/** The offset after the byte order mark, if any. */
const afterMark = (bytes: Buffer): number => (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0)
const newLine = Buffer.from("\n")
const isSpace = (byte: number | undefined): boolean => byte === space || byte === 0x09

/** OpenAI's libraries ignore the rest of the line after `[DONE]`, so this does as well. */
const isDone = (bytes: Buffer, start: number, end: number): boolean =>
  end - start >= done.length && done.compare(bytes, start, start + done.length) === 0
const done = Buffer.from("[DONE]")
