/** Sweeps the history of documents. It keeps the newest document and the newest that was in force, because a host may need them at its next start. */
import { Effect, Layer, Stream } from "effect"
import type { Busy, SourceUnavailable } from "./ConfigError.ts"
import { ConfigSource, type HistoryEntry } from "./ConfigSource.ts"
import { wasInForce } from "./internal/History.ts"
import { type Retainable, Retention, type SweepRequest } from "./Retention.ts"

/** Registers the history with Retention for as long as the layer lives. */
export const layer: Layer.Layer<never, never, Retention | ConfigSource> = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* (yield* Retention).register(retainable(yield* ConfigSource))
  }),
)

/**
 * Makes a history a Retainable, with the limits `history_days` and `history_max_entries`.
 *
 * **Example** (Reporting what a sweep would delete)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { ConfigSource, HistoryRetention, MemoryConfigSource } from "@signalbox/core"
 * import { Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const store = HistoryRetention.retainable(yield* ConfigSource)
 *   return yield* Stream.runCollect(store.sweep({ maxEntries: 10, dryRun: true }))
 * })
 *
 * const batches = await Effect.runPromise(Effect.provide(program, MemoryConfigSource.layer))
 * strictEqual(batches.length, 0)
 * ```
 */
export const retainable = ({
  exclusively,
  history,
}: Pick<ConfigSource["Service"], "exclusively" | "history">): Retainable => ({
  name: "history",
  limits: ({ historyDays, historyMaxEntries }) => ({ days: historyDays, maxEntries: historyMaxEntries }),
  newest: Effect.map(Effect.mapError(history.list, explain), ([newest]) => newest?.at),
  sweep: (request) => {
    const all = Effect.map(history.list, (entries) => expired(entries, request))
    // Check again under the lock: the document may have come into force again since the listing.
    const remove = Effect.fnUntraced(function* (hash: string) {
      const found = (yield* all).find((document) => document.hash === hash)
      if (found === undefined) return { deleted: 0, bytes: 0 }
      yield* history.remove(hash)
      return { deleted: found.deleted, bytes: found.bytes }
    })
    return Stream.unwrap(Effect.map(all, Stream.fromIterable)).pipe(
      Stream.mapEffect(({ bytes, deleted, hash }) =>
        request.dryRun ? Effect.succeed({ deleted, bytes }) : exclusively(remove(hash)),
      ),
      Stream.tap(() => Effect.yieldNow),
      Stream.mapError(explain),
    )
  },
})

/** Returns the documents to delete by hash, oldest first. A document with a kept entry of the same hash stays. */
const expired = (entries: ReadonlyArray<HistoryEntry>, request: SweepRequest) => {
  const { maxBytes = Number.POSITIVE_INFINITY, maxEntries = Number.POSITIVE_INFINITY, olderThan = 0 } = request
  const lastGood = entries.find(wasInForce)
  let bytes = 0
  const goes = entries.map((entry, index) => {
    bytes += entry.bytes
    return index > 0 && entry !== lastGood && (entry.at < olderThan || index >= maxEntries || bytes > maxBytes)
  })
  const kept = new Set(entries.filter((_, index) => !goes[index]).map(({ hash }) => hash))
  const sums = new Map<string, { hash: string; deleted: number; bytes: number }>()
  for (const entry of entries.toReversed()) {
    if (kept.has(entry.hash)) continue
    const sum = sums.get(entry.hash) ?? { hash: entry.hash, deleted: 0, bytes: 0 }
    sum.deleted++
    sum.bytes += entry.bytes
    sums.set(entry.hash, sum)
  }
  return [...sums.values()]
}

const explain = (error: SourceUnavailable | Busy) => ({
  message: error._tag === "Busy" ? error.detail : `${error.path} (${error.code}): ${error.detail}`,
})
