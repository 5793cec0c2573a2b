/**
 * The contract of `StatsLedger` on any `SegmentStorage`. Run it with `statsLedgerSuite(name, layer)`. Each test builds the storage and expects
 * it to be empty. Several ledgers on one storage stand for several processes.
 */
import { describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { EventBus } from "../EventBus.ts"
import type { SegmentStorage } from "../SegmentStorage.ts"
import { StatsSettings } from "../StatsLedger.ts"
import { boundTests, countingTests } from "./StatsLedgerSuite/counting.ts"
import { type LedgerTest, start } from "./StatsLedgerSuite/Fixtures.ts"
import { generatedTests } from "./StatsLedgerSuite/generated.ts"
import { compactionTests, foreignLineTests, segmentTests } from "./StatsLedgerSuite/segments.ts"
import { seriesTests } from "./StatsLedgerSuite/series.ts"
import { windowTests } from "./StatsLedgerSuite/windows.ts"

export const statsLedgerSuite = <E>(name: string, storage: Layer.Layer<SegmentStorage, E>): void => {
  describe(name, () => {
    const test: LedgerTest = (title, body) =>
      it.effect(title, () =>
        // The ledgers must be released before their storage.
        Effect.andThen(TestClock.setTime(start), Effect.scoped(body)).pipe(
          Effect.provide(Layer.mergeAll(storage, EventBus.layer, StatsSettings.layer({ windowMinutes: 60 }))),
        ),
      )
    countingTests(test)
    boundTests(test)
    windowTests(test)
    seriesTests(test)
    segmentTests(test)
    compactionTests(test)
    foreignLineTests(test)
    generatedTests(storage)
  })
}
