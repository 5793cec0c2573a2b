/**
 * Syncs what was recorded, in the background: a power cut takes at most the entries of the last five seconds, and of the time that the disk takes to
 * sync. Without this, the kernel decides, which takes half a minute or more.
 */
import { Duration, Effect, type Latch } from "effect"
import type { SegmentStorage, SegmentsUnavailable } from "../../SegmentStorage.ts"
import type { SegmentWriter } from "./SegmentWriter.ts"

/** From the first entry that is not synced until its sync. */
const delay = Duration.seconds(5)

/** The time that a stopping ledger waits for the disk. */
const lastSyncTimeout = Duration.seconds(2)

/** Never returns. The writer opens `unsynced`, so that an idle ledger does nothing. A failure is logged once, and repeated. */
export const syncRegularly = (
  storage: SegmentStorage["Service"],
  writer: SegmentWriter,
  unsynced: Latch.Latch,
): Effect.Effect<never> =>
  Effect.suspend(() => {
    let hasFailed = false
    return Effect.gen(function* () {
      yield* unsynced.await
      yield* Effect.sleep(delay)
      unsynced.closeUnsafe()
      const failure = yield* syncNow(storage, writer)
      if (failure !== undefined && !hasFailed) {
        yield* Effect.logWarning(`A power cut may take entries of the ledger: ${failure.message}`)
      } else if (failure === undefined && hasFailed) {
        yield* Effect.logInfo("New entries of the ledger survive a power cut again.")
      }
      hasFailed = failure !== undefined
    }).pipe(Effect.forever)
  })

/** Syncs a last time, and does not wait long for a disk that hangs. */
export const syncFinally = (storage: SegmentStorage["Service"], writer: SegmentWriter): Effect.Effect<void> =>
  Effect.asVoid(Effect.timeoutOption(syncNow(storage, writer), lastSyncTimeout))

const syncNow = Effect.fnUntraced(function* (storage: SegmentStorage["Service"], writer: SegmentWriter) {
  let failure: SegmentsUnavailable | undefined
  for (const name of writer.takeUnsynced()) {
    yield* Effect.catch(storage.sync(name), (error) =>
      Effect.sync(() => {
        failure = error
        writer.noteUnsynced(name)
      }),
    )
  }
  return failure
})
