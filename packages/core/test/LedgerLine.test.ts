import { assert, describe, it } from "@effect/vitest"
import { type LedgerEntryInput, normalize } from "@signalbox/core/LedgerEntry"
import { encodeLine, isWireEntry, lineStart, WireEntry } from "@signalbox/core/LedgerLine"
import { Schema } from "effect"
import * as fc from "fast-check"
import { readLines } from "../src/internal/StatsLedger/readLines.ts"

const isTorture = process.env["SIGNALBOX_TORTURE"] === "1"
const now = 1_795_237_200_000
const name = fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 250, maxLength: 300 })), {
  nil: undefined,
})
const count = fc.option(fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-1, 0, 1.5, 1e15, Number.NaN)), {
  nil: undefined,
})
/** Keys without a value do not type-check, but callers may pass them at run time. */
const input = fc
  .record({
    time: count,
    provider: name,
    model: name,
    upstream: name,
    key: name,
    project: name,
    bytesSent: count,
    bytesReceived: count,
    inputTokens: count,
    outputTokens: count,
    cacheReadTokens: count,
    cacheWriteTokens: count,
    reasoningTokens: count,
    cost: count,
    status: count,
    error: name,
    latencyMillis: count,
    timeToFirstTokenMillis: count,
  })
  .map(
    (fields): LedgerEntryInput => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
  )

const linesOf = (text: string) => {
  const seen = { entries: 0, foreign: [] as Array<string>, newer: 0 }
  readLines(text, {
    entry: () => void seen.entries++,
    foreign: (line) => void seen.foreign.push(line),
    newer: () => void seen.newer++,
  })
  return seen
}

describe("LedgerLine", () => {
  it("encodes any input as one ASCII line that the schema decodes to the normalized entry", () => {
    const decode = Schema.decodeUnknownSync(WireEntry)
    fc.assert(
      fc.property(input, (entry) => {
        const line = encodeLine(entry, now)
        assert.match(line, /^[ -~]+\n$/)
        const wire = JSON.parse(line)
        assert.isTrue(isWireEntry(wire))
        assert.deepStrictEqual(decode(wire), normalize(entry, now))
      }),
      { numRuns: isTorture ? 5000 : 500 },
    )
  })

  it("agrees with the schema in isWireEntry", () => {
    const accepts = Schema.is(Schema.toEncoded(WireEntry))
    const decodes = Schema.decodeUnknownResult(WireEntry)
    const keys = ["v", ...Object.keys(JSON.parse(encodeLine(full, now))), "unknown"]
    const value = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.nat(), fc.constantFrom(1e12, 1e12 + 1, 1e6 + 1, 1e16))
    fc.assert(
      fc.property(fc.constantFrom(...keys), value, (key, changed) => {
        const wire: unknown = { ...JSON.parse(encodeLine(full, now)), [key]: changed }
        const { v, ...rest } = wire as { readonly v: unknown }
        const valid = v === 1 && accepts(rest) && decodes(rest)._tag === "Success"
        assert.strictEqual(isWireEntry(wire), valid)
      }),
      { numRuns: isTorture ? 10_000 : 1000 },
    )
  })

  it("contains the start of a line only at its start", () => {
    fc.assert(
      fc.property(input, (entry) => {
        const line = encodeLine({ ...entry, model: `${lineStart}1,"time":1}` }, now)
        assert.strictEqual(line.lastIndexOf(lineStart), 0)
      }),
    )
  })

  it("reads all whole lines around a line that was cut off anywhere", () => {
    fc.assert(
      fc.property(fc.array(input, { minLength: 1, maxLength: 5 }), fc.nat(), fc.nat(), (entries, which, where) => {
        const lines = entries.map((entry) => encodeLine(entry, now))
        const cut = which % lines.length
        const length = where % (lines[cut]!.length - 2)
        const text = lines.map((line, i) => (i === cut ? line.slice(0, length) : line)).join("")
        const seen = linesOf(text)
        assert.strictEqual(seen.entries, lines.length - 1)
        assert.strictEqual(seen.foreign.join(""), lines[cut]!.slice(0, length))
      }),
    )
  })

  it("reads a line that lacks only its newline", () => {
    const line = encodeLine(full, now)
    const seen = linesOf(line.trimEnd() + line + line.trimEnd())
    assert.deepStrictEqual(seen, { entries: 3, foreign: [], newer: 0 })
  })
})

const full: LedgerEntryInput = {
  time: 1,
  provider: "p",
  model: "m",
  upstream: "u",
  key: "k",
  project: "j",
  bytesSent: 1,
  bytesReceived: 2,
  inputTokens: 3,
  outputTokens: 4,
  cacheReadTokens: 5,
  cacheWriteTokens: 6,
  reasoningTokens: 7,
  cost: 8,
  status: 9,
  error: "e",
  latencyMillis: 10,
  timeToFirstTokenMillis: 11,
}
