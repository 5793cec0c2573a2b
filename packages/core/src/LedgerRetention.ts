/** Sweeps the ledger: whole segments and their roll-ups, the oldest hours first. A segment with an appender stays. */
import { Effect, Layer, Stream } from "effect"
import { type Retainable, Retention, type SweepRequest, type Swept } from "./Retention.ts"
import { hourMillis, type SegmentName, segmentHour } from "./SegmentName.ts"
import { SegmentStorage, type SegmentsUnavailable } from "./SegmentStorage.ts"

/** Registers the ledger with Retention for as long as the layer lives. */
export const layer: Layer.Layer<never, never, Retention | SegmentStorage> = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* (yield* Retention).register(retainable(yield* SegmentStorage))
  }),
)

/**
 * Makes a storage a Retainable, with the limits `ledger_days` and `ledger_max_bytes`.
 *
 * **Example** (Reporting what a sweep would delete)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { LedgerRetention, SegmentStorage } from "@signalbox/core"
 * import { Effect, Stream } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const storage = yield* SegmentStorage
 *   const appender = storage.open("2026-11-21T05")
 *   if (!("_tag" in appender)) appender.close()
 *   const store = LedgerRetention.retainable(storage)
 *   return yield* Stream.runCollect(store.sweep({ olderThan: Date.parse("2026-11-22"), dryRun: true }))
 * })
 *
 * const batches = await Effect.runPromise(Effect.provide(program, SegmentStorage.layerMemory))
 * strictEqual(batches.length, 1)
 * ```
 */
export const retainable = (storage: SegmentStorage["Service"]): Retainable => ({
  name: "ledger",
  limits: ({ ledgerDays, ledgerMaxBytes }) => ({ days: ledgerDays, maxBytes: ledgerMaxBytes }),
  newest: Effect.map(names(storage), (all) => {
    const newest = all.at(-1)
    return newest === undefined ? undefined : segmentHour(newest)
  }),
  sweep: (request) =>
    Stream.unwrap(
      Effect.map(expiredSegments(storage, request), (all) => {
        // A segment that cannot be removed does not stop the removal of the others.
        let failure: SegmentsUnavailable | undefined
        const attempt = (name: SegmentName) =>
          Effect.catch(remove(storage, name), (error) => {
            failure ??= error
            return Effect.succeed(false)
          })
        return Stream.fromIterable(all).pipe(
          Stream.mapEffect(({ bytes, name }) =>
            Effect.map(request.dryRun ? Effect.succeed(true) : attempt(name), (removed) =>
              removed ? { deleted: 1, bytes } : { deleted: 0, bytes: 0 },
            ),
          ),
          Stream.tap(() => Effect.yieldNow),
          Stream.concat(Stream.suspend(() => (failure === undefined ? Stream.empty : Stream.fail(failure)))),
        )
      }),
    ),
})

/** The names of all segments and roll-ups, oldest first. */
const names = (storage: SegmentStorage["Service"]) =>
  Effect.map(storage.list, ({ entries, rollUps }) => [...new Set([...entries, ...rollUps])].sort())

interface ExpiredSegment extends Pick<Swept, "bytes"> {
  readonly name: SegmentName
}

const expiredSegments = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  { maxBytes = Number.POSITIVE_INFINITY, olderThan = 0 }: SweepRequest,
): Effect.fn.Return<ReadonlyArray<ExpiredSegment>, SegmentsUnavailable> {
  const all: Array<ExpiredSegment> = []
  for (const name of yield* names(storage)) all.push({ name, bytes: yield* storage.size(name) })
  let left = all.reduce((sum, { bytes }) => sum + bytes, 0)
  return all.filter(({ bytes, name }) => {
    const goes = (segmentHour(name) ?? 0) + hourMillis <= olderThan || left > maxBytes
    if (goes) left -= bytes
    return goes
  })
})

/** Removes the segment before its roll-up. In the other order, a crash would bring its entries back. */
const remove = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  name: SegmentName,
): Effect.fn.Return<boolean, SegmentsUnavailable> {
  const { entries } = yield* storage.list
  if (entries.has(name)) {
    const removed = yield* storage.exclusively(name, (segment) => Effect.as(segment.remove, true))
    if (removed === undefined) return false
  }
  yield* storage.removeRollUp(name)
  return true
}, Effect.uninterruptible)
