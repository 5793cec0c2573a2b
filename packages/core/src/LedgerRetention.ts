/** The ledger as a store that is swept: whole segments and their roll-ups, the oldest hours first. One that somebody writes to stays. */
import { Effect, Layer, Stream } from "effect"
import { type Retainable, Retention, type SweepRequest, type Swept } from "./Retention.ts"
import { hourMillis, type SegmentName, segmentHour } from "./SegmentName.ts"
import { SegmentStorage, type SegmentsUnavailable } from "./SegmentStorage.ts"

/** Registers the ledger for as long as the layer stands. */
export const layer: Layer.Layer<never, never, Retention | SegmentStorage> = Layer.effectDiscard(
  Effect.gen(function* () {
    yield* (yield* Retention).register(retainable(yield* SegmentStorage))
  }),
)

/** By `ledger_days` and `ledger_max_bytes`. */
export const retainable = (storage: SegmentStorage["Service"]): Retainable => ({
  name: "ledger",
  limits: ({ ledgerDays, ledgerMaxBytes }) => ({ days: ledgerDays, maxBytes: ledgerMaxBytes }),
  newest: Effect.map(names(storage), (all) => {
    const newest = all.at(-1)
    return newest === undefined ? undefined : segmentHour(newest)
  }),
  sweep: (request) =>
    Stream.unwrap(
      Effect.map(victims(storage, request), (all) => {
        // One that cannot be removed does not keep the others from it.
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

/** All hours that have a segment or a roll-up, oldest first. */
const names = (storage: SegmentStorage["Service"]) =>
  Effect.map(storage.list, ({ entries, rollUps }) => [...new Set([...entries, ...rollUps])].sort())

interface Victim extends Pick<Swept, "bytes"> {
  readonly name: SegmentName
}

const victims = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  { maxBytes = Number.POSITIVE_INFINITY, olderThan = 0 }: SweepRequest,
): Effect.fn.Return<ReadonlyArray<Victim>, SegmentsUnavailable> {
  const all: Array<Victim> = []
  for (const name of yield* names(storage)) all.push({ name, bytes: yield* storage.size(name) })
  let left = all.reduce((sum, { bytes }) => sum + bytes, 0)
  return all.filter(({ bytes, name }) => {
    const goes = (segmentHour(name) ?? 0) + hourMillis <= olderThan || left > maxBytes
    if (goes) left -= bytes
    return goes
  })
})

/** The segment goes before its roll-up: the other way round a crash would bring its entries back. */
const remove = Effect.fnUntraced(function* (
  storage: SegmentStorage["Service"],
  name: SegmentName,
): Effect.fn.Return<boolean, SegmentsUnavailable> {
  const { entries } = yield* storage.list
  if (entries.has(name)) {
    const removed = yield* storage.exclusively(name, (held) => Effect.as(held.remove, true))
    if (removed === undefined) return false
  }
  yield* storage.removeRollUp(name)
  return true
}, Effect.uninterruptible)
