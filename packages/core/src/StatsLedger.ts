/**
 * Who called which model, how often, how long and at what expense: counted across all processes that share a place. Recording is one
 * appended line: it never fails and waits for nothing; the line survives the death of any process at any moment, the last seconds may go
 * with the power. Reading follows the lines from where it last stopped. There are no prices here, and nothing leaves the machine.
 */
import { Clock, Context, Duration, Effect, Latch, Layer, Semaphore } from "effect"
import { EventBus } from "./EventBus.ts"
import { type Compacted, compact as compactSegments } from "./internal/StatsLedger/Compaction.ts"
import { makeSegmentTail, type TailView } from "./internal/StatsLedger/SegmentTail.ts"
import { SegmentWriter } from "./internal/StatsLedger/SegmentWriter.ts"
import type { StatsSeries } from "./internal/StatsLedger/StatsSeries.ts"
import { describe, StatsSettingsSchema, type StatsSnapshot } from "./internal/StatsLedger/StatsSnapshot.ts"
import { encodeLine, type LedgerEntryInput, normalize } from "./LedgerEntry.ts"
import { hourMillis, hourOf } from "./SegmentName.ts"
import { SegmentStorage, type SegmentsUnavailable } from "./SegmentStorage.ts"
import * as Setting from "./Setting.ts"
import { StatsCompacted, StatsDegraded, StatsRecorded } from "./StatsEvents.ts"

export type { SeriesRow, StatsSeries } from "./internal/StatsLedger/StatsSeries.ts"
export { StatsSnapshot, Usage } from "./internal/StatsLedger/StatsSnapshot.ts"
export { LedgerEntry, type LedgerEntryInput } from "./LedgerEntry.ts"

/** `window_minutes`: how long the window of a snapshot is that names none; 1 to 1440, default 60. */
export class StatsSettings extends Setting.Service<StatsSettings>()(
  "@signalbox/core/StatsSettings",
  StatsSettingsSchema,
) {}

/** Records calls and counts them. A reader fails with `SegmentsUnavailable` where the place cannot be read; recording does not fail. */
export class StatsLedger extends Context.Service<
  StatsLedger,
  {
    /** Appends one entry to the hour's segment. What the place refuses is kept in bounded memory, tried again, and reported. */
    readonly record: (entry: LedgerEntryInput) => Effect.Effect<void>
    /**
     * The calls of all processes within the window: rounded up to minutes, 1 minute to 24 hours, without it the setting's. It begins at the
     * full ten seconds at or before the moment that is so long ago, at the full minute if it is longer than an hour.
     */
    readonly snapshot: (options?: {
      readonly window?: Duration.Input
    }) => Effect.Effect<StatsSnapshot, SegmentsUnavailable>
    /** The calls of the same window, one row for each model in each bucket of time in which it was called. */
    readonly series: (options?: { readonly window?: Duration.Input }) => Effect.Effect<StatsSeries, SegmentsUnavailable>
    /**
     * Folds the segments whose hour has been over for an hour; by itself every hour. What somebody still holds, or
     * what fails, stays for the next time; a failure is said when the others are folded.
     */
    readonly compact: Effect.Effect<Compacted, SegmentsUnavailable>
  }
>()("@signalbox/core/StatsLedger") {
  /** Over a storage: `NodeSegmentStorage` is the one on disk. Compacts every hour. */
  static readonly layer: Layer.Layer<StatsLedger, never, SegmentStorage | StatsSettings | EventBus> = Layer.effect(
    StatsLedger,
    Effect.suspend(() => make),
  )

  /** Its entries end with the process. */
  static readonly layerMemory: Layer.Layer<StatsLedger, never, StatsSettings | EventBus> = Layer.provide(
    StatsLedger.layer,
    SegmentStorage.layerMemory,
  )
}

/** Between two reports that the place refuses entries. */
const coolDown = Duration.minutes(1)
/** After the end of an hour, before its segment is let go and older ones are compacted. */
const afterHour = Duration.minutes(1)
/** Entries that wait to be published; who records more of them in one turn publishes them itself. */
const unpublishedMaxCount = 256

const make = Effect.gen(function* () {
  const storage = yield* SegmentStorage
  const settings = yield* StatsSettings
  const bus = yield* EventBus
  const clock = yield* Clock.Clock
  const refused = Latch.makeUnsafe(false)
  const writer = new SegmentWriter(storage, () => void refused.openUnsafe())
  yield* Effect.addFinalizer(() => closeWriter(writer, clock))

  const publisher = yield* makePublisher(bus)
  const record = (entry: LedgerEntryInput) =>
    Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      writer.write(encodeLine(entry, now), now)
      return publisher(entry, now)
    })

  const hourTail = makeSegmentTail(storage, { bucketMillis: 10_000, horizonMillis: hourMillis })
  const dayTail = makeSegmentTail(storage, { bucketMillis: 60_000, horizonMillis: 24 * hourMillis })
  const look = Effect.fnUntraced(function* <A>(
    window: Duration.Input | undefined,
    describe: (seen: TailView, now: number, minutes: number) => A,
  ) {
    const minutes = windowMinutes(window) ?? (yield* settings.get).windowMinutes
    const now = yield* clock.currentTimeMillis
    const tail = minutes <= 60 ? hourTail : dayTail
    return yield* tail.look(now, minutes * 60_000, (seen) => describe(seen, now, minutes))
  })
  const snapshot = (options?: { readonly window?: Duration.Input }) =>
    look(options?.window, (seen, now, minutes) => describe(seen, now, minutes, writer.backlog)).pipe(
      Effect.withSpan("StatsLedger.snapshot"),
    )
  const series = (options?: { readonly window?: Duration.Input }) =>
    look(options?.window, seriesOf).pipe(Effect.withSpan("StatsLedger.series"))

  const turns = Semaphore.makeUnsafe(1)
  const compact = Effect.gen(function* () {
    const now = yield* clock.currentTimeMillis
    writer.closePast(now)
    const { failure, ...compacted } = yield* compactSegments(storage, now)
    if (compacted.segments > 0) yield* bus.publish(new StatsCompacted(compacted))
    if (failure !== undefined) return yield* failure
    return compacted
  }).pipe(turns.withPermit, Effect.withSpan("StatsLedger.compact"))

  yield* Effect.forkScoped(reportRefusals(writer, refused, bus, clock))
  yield* Effect.forkScoped(compactHourly(compact, clock))
  return StatsLedger.of({ record, snapshot, series, compact })
})

const seriesOf = ({ series, window }: TailView, now: number, minutes: number): StatsSeries => ({
  from: window.from,
  to: now,
  windowMinutes: minutes,
  bucketMillis: minutes <= 60 ? 10_000 : 60_000,
  rows: series(),
})

/** Publishes what is recorded once a turn, and only if somebody listens: nobody pays for an event that nobody wants. */
const makePublisher = Effect.fnUntraced(function* (bus: EventBus["Service"]) {
  const pending = Latch.makeUnsafe(false)
  let entries: Array<LedgerEntryInput> = []
  let times: Array<number> = []
  const publish = Effect.suspend(() => {
    pending.closeUnsafe()
    const [taken, at] = [entries, times]
    entries = []
    times = []
    return Effect.flatMap(bus.subscribers, (subscribers) => {
      if (!subscribers.some(({ types }) => types === undefined || types.includes(StatsRecorded.type))) {
        return Effect.void
      }
      // What `normalize` makes is an entry: nothing is left to check.
      const unchecked = { disableChecks: true }
      return bus.publishAll(
        taken.map((entry, i) => new StatsRecorded({ entry: normalize(entry, at[i] ?? 0) }, unchecked)),
      )
    })
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pending.await, publish)))
  return (entry: LedgerEntryInput, now: number): Effect.Effect<void> => {
    entries.push(entry)
    times.push(now)
    if (entries.length === 1) pending.openUnsafe()
    return entries.length >= unpublishedMaxCount ? publish : Effect.void
  }
})

const reportRefusals = (writer: SegmentWriter, refused: Latch.Latch, bus: EventBus["Service"], clock: Clock.Clock) =>
  Effect.gen(function* () {
    yield* refused.await
    const backlog = writer.backlog
    if (backlog !== undefined) {
      yield* Effect.logWarning(
        `The ledger cannot be written (${backlog.reason}): ${backlog.waiting} entries wait in memory, ${backlog.lost} are lost. ` +
          "Make room or give access; they are written as soon as that works.",
      )
      yield* bus.publish(new StatsDegraded({ reason: backlog.reason }))
    }
    yield* Effect.sleep(coolDown)
    refused.closeUnsafe()
    writer.retry(clock.currentTimeMillisUnsafe())
    if (writer.backlog === undefined) yield* Effect.logInfo("The ledger is written again.")
    else refused.openUnsafe()
  }).pipe(Effect.forever)

const compactHourly = (compact: Effect.Effect<Compacted, SegmentsUnavailable>, clock: Clock.Clock) =>
  Effect.gen(function* () {
    const now = clock.currentTimeMillisUnsafe()
    const due = hourOf(now) + hourMillis + Duration.toMillis(afterHour)
    yield* Effect.sleep(due - now)
    yield* Effect.catch(compact, (error) => Effect.logWarning(`The ledger was not wholly compacted: ${error.message}`))
  }).pipe(Effect.forever)

const closeWriter = (writer: SegmentWriter, clock: Clock.Clock) =>
  Effect.gen(function* () {
    writer.retry(clock.currentTimeMillisUnsafe())
    const backlog = writer.backlog
    writer.close()
    if (backlog === undefined) return
    yield* Effect.logWarning(
      `${backlog.waiting + backlog.lost} entries of the ledger could not be written (${backlog.reason}) and are lost.`,
    )
  })

const windowMinutes = (window: Duration.Input | undefined): number | undefined =>
  window === undefined ? undefined : Math.min(1440, Math.max(1, Math.ceil(Duration.toMillis(window) / 60_000)))
