/**
 * Counts model calls: how often, how long, with which usage and at what cost, across all processes that share a storage. Recording appends
 * one line: it never fails and waits for nothing. A recorded line survives the death of any process. It is synced in the background, so a
 * power cut takes at most the last five seconds and the time of one sync. A snapshot reads only new lines. The ledger has no prices, and no data leaves the machine.
 */
import { Cause, Clock, Context, Duration, Effect, Latch, Layer, Semaphore } from "effect"
import { EventBus } from "./EventBus.ts"
import { type Compacted, compact as compactSegments } from "./internal/StatsLedger/Compaction.ts"
import { makeSegmentTail, type TailView } from "./internal/StatsLedger/SegmentTail.ts"
import { SegmentWriter } from "./internal/StatsLedger/SegmentWriter.ts"
import type { StatsSeries } from "./internal/StatsLedger/StatsSeries.ts"
import { makeSnapshot, StatsSettingsSchema, type StatsSnapshot } from "./internal/StatsLedger/StatsSnapshot.ts"
import { syncFinally, syncRegularly } from "./internal/StatsLedger/syncRegularly.ts"
import { type LedgerEntryInput, normalize } from "./LedgerEntry.ts"
import { encodeLine } from "./LedgerLine.ts"
import { hourMillis, hourOf } from "./SegmentName.ts"
import { SegmentStorage, type SegmentsUnavailable } from "./SegmentStorage.ts"
import * as Setting from "./Setting.ts"
import { StatsCompacted, StatsDegraded, StatsRecorded } from "./StatsEvents.ts"

export type { SeriesRow, StatsSeries } from "./internal/StatsLedger/StatsSeries.ts"
export { StatsSnapshot, Usage } from "./internal/StatsLedger/StatsSnapshot.ts"
export { LedgerEntry, type LedgerEntryInput } from "./LedgerEntry.ts"

/** `window_minutes`: the window of snapshots that set none, 1 to 1440. Default: 60. */
export class StatsSettings extends Setting.Service<StatsSettings>()(
  "@signalbox/core/StatsSettings",
  StatsSettingsSchema,
) {}

/**
 * Records calls and sums them. Reading fails with `SegmentsUnavailable` if the storage cannot be read; recording never fails.
 *
 * **Example** (Recording a call and reading the last hour)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { EventBus, StatsLedger, StatsSettings } from "@signalbox/core"
 * import { Effect, Layer } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const ledger = yield* StatsLedger
 *   yield* ledger.record({ provider: "openai", model: "fast", inputTokens: 10, status: 200, latencyMillis: 40 })
 *   return yield* ledger.snapshot({ window: "1 hour" })
 * })
 *
 * const ledger = StatsLedger.layerMemory.pipe(
 *   Layer.provide([EventBus.layer, StatsSettings.layer({ windowMinutes: 60 })]),
 * )
 * const { models } = await Effect.runPromise(Effect.provide(program, ledger))
 * strictEqual(models["fast"]?.requests, 1)
 * ```
 */
export class StatsLedger extends Context.Service<
  StatsLedger,
  {
    /** Appends one entry to the segment of the hour. Entries that the storage refuses wait in bounded memory, and are reported. */
    readonly record: (entry: LedgerEntryInput) => Effect.Effect<void>
    /**
     * Sums the calls of all processes within a window.
     *
     * **Details**
     *
     * The window is rounded up to minutes, from 1 minute to 24 hours. Without it the setting applies. It starts at the full ten seconds at
     * or before its beginning, or at the full minute if it is longer than an hour.
     */
    readonly snapshot: (options?: {
      readonly window?: Duration.Input
    }) => Effect.Effect<StatsSnapshot, SegmentsUnavailable>
    /** Returns the calls of the same window as rows: one for each model in each bucket of time. */
    readonly series: (options?: { readonly window?: Duration.Input }) => Effect.Effect<StatsSeries, SegmentsUnavailable>
    /**
     * Compacts the segments whose hour ended at least an hour ago. The layer does this every hour.
     *
     * **Details**
     *
     * A segment that is in use or fails stays for the next time. The effect fails after the other segments are compacted.
     */
    readonly compact: Effect.Effect<Compacted, SegmentsUnavailable>
  }
>()("@signalbox/core/StatsLedger") {
  /** A ledger on a storage, compacted every hour. `@signalbox/node` has the storage on disk. */
  static readonly layer: Layer.Layer<StatsLedger, never, SegmentStorage | StatsSettings | EventBus> = Layer.effect(
    StatsLedger,
    Effect.suspend(() => make),
  )

  /** A ledger whose entries end with the process. */
  static readonly layerMemory: Layer.Layer<StatsLedger, never, StatsSettings | EventBus> = Layer.provide(
    StatsLedger.layer,
    SegmentStorage.layerMemory,
  )
}

/** Between two reports that the storage refuses entries. */
const reportInterval = Duration.minutes(1)
/** From the end of an hour until its segment is closed and older segments are compacted. */
const compactionDelay = Duration.minutes(1)
/** The most entries that wait to be published. A caller that records more in one turn publishes them itself. */
const maxUnpublished = 256

const make = Effect.gen(function* () {
  const storage = yield* SegmentStorage
  const settings = yield* StatsSettings
  const bus = yield* EventBus
  const clock = yield* Clock.Clock
  const refused = Latch.makeUnsafe(false)
  const unsynced = Latch.makeUnsafe(false)
  const writer = new SegmentWriter(storage, {
    onRefused: () => void refused.openUnsafe(),
    onUnsynced: () => void unsynced.openUnsafe(),
  })
  yield* Effect.addFinalizer(() => closeWriter(storage, writer, clock))

  const publisher = yield* makePublisher(bus)
  // A hot path: it has no span.
  const record = (entry: LedgerEntryInput) =>
    Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      writer.write(encodeLine(entry, now), now)
      return publisher(entry, now)
    }).pipe(logDefect)

  const hourTail = makeSegmentTail(storage, { bucketMillis: 10_000, horizonMillis: hourMillis })
  const dayTail = makeSegmentTail(storage, { bucketMillis: 60_000, horizonMillis: 24 * hourMillis })
  const readWindow = Effect.fnUntraced(function* <A>(
    window: Duration.Input | undefined,
    use: (view: TailView, now: number, minutes: number) => A,
  ) {
    const minutes = windowMinutes(window) ?? (yield* settings.get).windowMinutes
    const now = yield* clock.currentTimeMillis
    const tail = minutes <= 60 ? hourTail : dayTail
    return yield* tail.read(now, minutes * 60_000, (view) => use(view, now, minutes))
  })
  const snapshot = Effect.fn("StatsLedger.snapshot")((options?: { readonly window?: Duration.Input }) =>
    readWindow(options?.window, (view, now, minutes) => makeSnapshot(view, now, minutes, writer.backlog)),
  )
  const series = Effect.fn("StatsLedger.series")((options?: { readonly window?: Duration.Input }) =>
    readWindow(options?.window, makeSeries),
  )

  const turns = Semaphore.makeUnsafe(1)
  const compact = Effect.gen(function* () {
    const now = yield* clock.currentTimeMillis
    writer.closePast(now)
    const { failure, ...compacted } = yield* compactSegments(storage, now)
    if (compacted.segments > 0) yield* bus.publish(new StatsCompacted(compacted))
    if (failure !== undefined) return yield* failure
    return compacted
  }).pipe(turns.withPermit, Effect.withSpan("StatsLedger.compact"))

  yield* Effect.forkScoped(syncRegularly(storage, writer, unsynced))
  yield* Effect.forkScoped(reportRefusals(writer, refused, bus, clock))
  yield* Effect.forkScoped(compactHourly(compact, clock))
  return StatsLedger.of({ record, snapshot, series, compact })
})

/** A bug must not fail the call that is recorded, nor end the publication of later entries. */
const logDefect = Effect.catchDefect((defect) =>
  Effect.logError("An entry of the ledger is lost by a bug", Cause.die(defect)),
)

const makeSeries = ({ series, window }: TailView, now: number, minutes: number): StatsSeries => ({
  from: window.from,
  to: now,
  windowMinutes: minutes,
  bucketMillis: minutes <= 60 ? 10_000 : 60_000,
  rows: series(),
})

/** Publishes recorded entries once per turn. An entry without a subscriber makes no event. */
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
      // `normalize` returns a valid entry, so the constructor need not check it.
      const unchecked = { disableChecks: true }
      return bus.publishAll(
        taken.map((entry, i) => new StatsRecorded({ entry: normalize(entry, at[i] ?? 0) }, unchecked)),
      )
    })
  })
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(pending.await, logDefect(publish))))
  return (entry: LedgerEntryInput, now: number): Effect.Effect<void> => {
    entries.push(entry)
    times.push(now)
    if (entries.length === 1) pending.openUnsafe()
    return entries.length >= maxUnpublished ? publish : Effect.void
  }
})

const reportRefusals = (writer: SegmentWriter, refused: Latch.Latch, bus: EventBus["Service"], clock: Clock.Clock) =>
  Effect.gen(function* () {
    yield* refused.await
    const backlog = writer.backlog
    if (backlog !== undefined) {
      yield* Effect.logWarning(
        `The ledger cannot be written (${backlog.reason}): ${backlog.waiting} entries wait in memory, ${backlog.lost} are lost. ` +
          "Free disk space or grant access; waiting entries are then written.",
      )
      yield* bus.publish(new StatsDegraded({ reason: backlog.reason }))
    }
    yield* Effect.sleep(reportInterval)
    refused.closeUnsafe()
    writer.retry(clock.currentTimeMillisUnsafe())
    if (writer.backlog === undefined) yield* Effect.logInfo("The ledger can be written again.")
    else refused.openUnsafe()
  }).pipe(Effect.forever)

const compactHourly = (compact: Effect.Effect<Compacted, SegmentsUnavailable>, clock: Clock.Clock) =>
  Effect.gen(function* () {
    const now = clock.currentTimeMillisUnsafe()
    const due = hourOf(now) + hourMillis + Duration.toMillis(compactionDelay)
    yield* Effect.sleep(due - now)
    yield* Effect.catch(compact, (error) =>
      Effect.logWarning(`The ledger was compacted only in part: ${error.message}`),
    )
  }).pipe(Effect.forever)

const closeWriter = (storage: SegmentStorage["Service"], writer: SegmentWriter, clock: Clock.Clock) =>
  Effect.gen(function* () {
    writer.retry(clock.currentTimeMillisUnsafe())
    yield* syncFinally(storage, writer)
    const backlog = writer.backlog
    writer.close()
    if (backlog === undefined) return
    yield* Effect.logWarning(
      `${backlog.waiting + backlog.lost} entries of the ledger are lost: they could not be written (${backlog.reason}).`,
    )
  })

const windowMinutes = (window: Duration.Input | undefined): number | undefined =>
  window === undefined ? undefined : Math.min(1440, Math.max(1, Math.ceil(Duration.toMillis(window) / 60_000)))
