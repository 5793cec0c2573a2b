import { assert, describe, it } from "@effect/vitest"
import {
  encodeLine,
  isWireEntry,
  type LedgerEntryInput,
  lineStart,
  normalize,
  WireEntry,
} from "@signalbox/core/LedgerEntry"
import { Schema } from "effect"
import * as fc from "fast-check"
import { DurationHistogram } from "../src/internal/StatsLedger/DurationHistogram.ts"
import { readLines } from "../src/internal/StatsLedger/readLines.ts"

const now = 1_795_237_200_000
const name = fc.option(fc.oneof(fc.string({ unit: "binary" }), fc.string({ minLength: 250, maxLength: 300 })), {
  nil: undefined,
})
const count = fc.option(fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-1, 0, 1.5, 1e15, Number.NaN)), {
  nil: undefined,
})
/** Keys that are there without a value do not type-check; at run time they come. */
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

describe("Entry", () => {
  it("Any input becomes one ASCII line that the schema decodes to the normalized entry.", () => {
    const decode = Schema.decodeUnknownSync(WireEntry)
    fc.assert(
      fc.property(input, (entry) => {
        const line = encodeLine(entry, now)
        assert.match(line, /^[ -~]+\n$/)
        const wire = JSON.parse(line)
        assert.isTrue(isWireEntry(wire))
        assert.deepStrictEqual(decode(wire), normalize(entry, now))
      }),
      { numRuns: 2000 },
    )
  })

  it("The quick check of a line agrees with the schema.", () => {
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
      { numRuns: 3000 },
    )
  })

  it("What begins a line stands in no other place of it.", () => {
    fc.assert(
      fc.property(input, (entry) => {
        const line = encodeLine({ ...entry, model: `${lineStart}1,"time":1}` }, now)
        assert.strictEqual(line.lastIndexOf(lineStart), 0)
      }),
    )
  })

  it("However a write was cut off, all whole lines around it are read.", () => {
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

  it("A line that lacks nothing but its newline is whole, wherever it stands.", () => {
    const line = encodeLine(full, now)
    const seen = linesOf(line.trimEnd() + line + line.trimEnd())
    assert.deepStrictEqual(seen, { entries: 3, foreign: [], newer: 0 })
  })
})

describe("DurationHistogram", () => {
  const durations = fc.array(fc.oneof(fc.nat(100), fc.nat(100_000), fc.nat(16_000_000)), {
    minLength: 1,
    maxLength: 200,
  })

  it("A quantile is off by at most 1/64.", () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0.01, 0.5, 0.95, 1), (all, share) => {
        const histogram = new DurationHistogram()
        for (const millis of all) histogram.add(millis)
        const exact = all.sort((a, b) => a - b)[Math.ceil(share * all.length) - 1]!
        const quantile = histogram.quantile(share) ?? assert.fail("none")
        assert.isAtMost(Math.abs(quantile - exact), exact / 64)
      }),
    )
  })

  it("Taking out what was put in leaves exactly the rest.", () => {
    fc.assert(
      fc.property(durations, durations, (stay, go) => {
        const [sum, rest, part] = [new DurationHistogram(), new DurationHistogram(), new DurationHistogram()]
        for (const millis of stay) rest.add(millis)
        for (const millis of go) part.add(millis)
        sum.merge(part, 1)
        sum.merge(rest, 1)
        sum.merge(part, -1)
        const pairs = (histogram: DurationHistogram) => {
          const all: Array<readonly [number, number]> = []
          histogram.forEach((step, count) => void all.push([step, count]))
          return all.sort(([a], [b]) => a - b)
        }
        assert.deepStrictEqual(pairs(sum), pairs(rest))
        assert.deepStrictEqual([sum.count, sum.sumMillis], [rest.count, rest.sumMillis])
      }),
    )
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
