import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as HistoryRetention from "@signalbox/core/HistoryRetention"
import * as MemoryConfigSource from "@signalbox/core/MemoryConfigSource"
import type { Retainable } from "@signalbox/core/Retention"
import { Effect, Stream } from "effect"
import { TestClock } from "effect/testing"
import { day, start, sweepAll } from "./RetentionHost.ts"

describe("HistoryRetention", () => {
  const withHistory = (
    texts: ReadonlyArray<string>,
    body: (
      store: Retainable,
      left: Effect.Effect<string, unknown>,
      keep: (text: string) => Effect.Effect<void, unknown>,
    ) => Effect.Effect<void, unknown>,
  ) =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const source = yield* ConfigSource
      const { hash, history } = source
      const keep = (text: string) => Effect.flatMap(hash(text), (hash) => history.keep(text, hash))
      for (const text of texts) {
        yield* keep(text)
        yield* TestClock.adjust(day)
      }
      const left = Effect.map(
        Effect.flatMap(history.list, (entries) =>
          Effect.forEach(entries.toReversed(), (entry) => history.read(entry.hash)),
        ),
        (all) => all.map((stored) => stored?.text).join(""),
      )
      yield* body(HistoryRetention.retainable(source), left, keep)
    }).pipe(Effect.provide(MemoryConfigSource.layer))

  it.effect("deletes the oldest documents by age and by number", () =>
    withHistory(["a", "b", "c", "d"], (store, left) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* left, "abcd")
        assert.strictEqual(yield* store.newest, start + 3 * day)
        assert.deepStrictEqual(yield* sweepAll(store, { olderThan: start + day }), { deleted: 1, bytes: 1 })
        assert.strictEqual(yield* left, "bcd")
        assert.deepStrictEqual(yield* sweepAll(store, { maxEntries: 2, dryRun: true }), { deleted: 1, bytes: 1 })
        assert.strictEqual(yield* left, "bcd")
        yield* sweepAll(store, { maxEntries: 2 })
        assert.strictEqual(yield* left, "cd")
      }),
    ),
  )

  it.effect("keeps the newest document at any age, and a document that came into force again", () =>
    withHistory(["a", "b", "a", "c"], (store, left) =>
      Effect.gen(function* () {
        yield* sweepAll(store, { maxEntries: 2 })
        assert.strictEqual(yield* left, "aac")
        yield* sweepAll(store, { olderThan: start + 100 * day, maxEntries: 1 })
        assert.strictEqual(yield* left, "c")
      }),
    ),
  )

  it.effect("keeps a document that comes into force again during the sweep", () =>
    withHistory(["a", "b", "c", "d"], (store, left, keep) =>
      Effect.gen(function* () {
        const swept = yield* store.sweep({ maxEntries: 1, dryRun: false }).pipe(
          Stream.tap(() => Effect.orDie(keep("b"))),
          Stream.runFold(
            () => 0,
            (sum, { deleted }) => sum + deleted,
          ),
        )
        assert.strictEqual(yield* left, "bdb")
        assert.strictEqual(swept, 2)
      }),
    ),
  )
})
