import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { DurationHistogram } from "../src/internal/StatsLedger/DurationHistogram.ts"

describe("DurationHistogram", () => {
  const durations = fc.array(fc.oneof(fc.nat(100), fc.nat(100_000), fc.nat(16_000_000)), {
    minLength: 1,
    maxLength: 200,
  })

  it("returns quantiles that are off by at most 1/64", () => {
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

  it("returns to the same histogram after adding and subtracting another", () => {
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
