/** Generated programs of recording, compacting and reading: every window is compared with a count over a list of all calls. */
import { assert, it } from "@effect/vitest"
import { Clock, Duration, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { EventBus } from "../../EventBus.ts"
import type { LedgerEntryInput } from "../../LedgerEntry.ts"
import type { SegmentStorage } from "../../SegmentStorage.ts"
import { StatsSettings } from "../../StatsLedger.ts"
import { hour, minute, otherLedger, start } from "./Fixtures.ts"

type Step =
  | { readonly type: "record"; readonly by: number; readonly entry: LedgerEntryInput; readonly age: number }
  | { readonly type: "advance"; readonly millis: number }
  | { readonly type: "compact"; readonly by: number }
  | { readonly type: "read"; readonly by: number; readonly minutes: number }

const names = fc.constantFrom("", "a", "b", "c")
const steps: fc.Arbitrary<ReadonlyArray<Step>> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        type: fc.constant("record" as const),
        by: fc.nat(1),
        age: fc.oneof(fc.constant(0), fc.nat(3 * hour)),
        entry: fc.record({
          provider: names,
          model: names,
          key: names,
          inputTokens: fc.nat(1000),
          cost: fc.constantFrom(0, 0.1, 0.000_000_7),
          status: fc.constantFrom(200, 500),
          latencyMillis: fc.nat(100_000),
        }),
      }),
    },
    { weight: 4, arbitrary: fc.record({ type: fc.constant("advance" as const), millis: fc.nat(50 * minute) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("compact" as const), by: fc.nat(1) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant("read" as const),
        by: fc.nat(1),
        minutes: fc.constantFrom(1, 2, 60, 61, 150, 1440),
      }),
    },
  ),
  { maxLength: 60 },
)

/** Computes the expected window from a list of all recorded calls. */
const expected = (
  recorded: ReadonlyArray<LedgerEntryInput & { readonly time: number }>,
  now: number,
  minutes: number,
) => {
  const bucket = minutes <= 60 ? 10_000 : minute
  const from = Math.floor((now - minutes * minute) / bucket) * bucket
  const within = recorded.filter(({ time }) => time >= from)
  const sum = (f: (entry: LedgerEntryInput) => number) => within.reduce((left, entry) => left + f(entry), 0)
  return {
    requests: within.length,
    errors: sum(({ status }) => (status === 500 ? 1 : 0)),
    inputTokens: sum(({ inputTokens = 0 }) => inputTokens),
    cost: sum(({ cost = 0 }) => Math.round(cost * 1e9)) / 1e9,
    latencySum: sum(({ latencyMillis = 0 }) => latencyMillis),
    models: Object.fromEntries(
      [...new Set(within.map(({ model = "" }) => model))]
        .sort()
        .map((model) => [model, within.filter((entry) => entry.model === model).length]),
    ),
  }
}

export const generatedTests = <E>(storage: Layer.Layer<SegmentStorage, E>) => {
  const run = (all: ReadonlyArray<Step>) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const ledgers = [yield* otherLedger, yield* otherLedger] as const
      const recorded: Array<LedgerEntryInput & { readonly time: number }> = []
      for (const step of all) {
        const now = yield* Clock.currentTimeMillis
        if (step.type === "advance") yield* TestClock.adjust(step.millis)
        else if (step.type === "compact") yield* ledgers[step.by]!.compact
        else if (step.type === "record") {
          const entry = { ...step.entry, time: now - step.age }
          recorded.push(entry)
          yield* ledgers[step.by]!.record(entry)
        } else {
          const { models, totals } = yield* ledgers[step.by]!.snapshot({ window: Duration.minutes(step.minutes) })
          const latencySum = Math.round((totals.latency.meanMillis ?? 0) * totals.latency.count)
          assert.deepStrictEqual(
            {
              requests: totals.requests,
              errors: totals.errors,
              inputTokens: totals.inputTokens,
              cost: totals.cost,
              latencySum,
              models: Object.fromEntries(
                Object.keys(models)
                  .sort()
                  .map((model) => [model, models[model]?.requests]),
              ),
            },
            expected(recorded, now, step.minutes),
          )
        }
      }
    }).pipe(
      Effect.scoped,
      Effect.provide(
        Layer.provideMerge(
          Layer.mergeAll(storage, EventBus.layer, StatsSettings.layer({ windowMinutes: 60 })),
          TestClock.layer(),
        ),
      ),
    )
  it("sums the same calls as a list of all calls, for any order of recording, compacting and reading by two ledgers", () =>
    fc.assert(
      fc.asyncProperty(steps, (all) => Effect.runPromise(run(all))),
      { numRuns: 100 },
    ))
}
