/**
 * The numbers that `signalbox status` shows, written by the host: the calls of the window and the running request, at most once a second and only after
 * a change. Nothing is synced, because the ledger has the numbers; a reader ignores a file that a power cut tore. A host that ends leaves the file.
 *
 * The host reads the ledger each second instead of subscribing to `stats.recorded`: a read costs what is new, an event for each call costs more than
 * recording the call, and calls that other processes record bring no event.
 */
import * as AtomicFile from "@signalbox/core/AtomicFile"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Clock, Context, Duration, Effect, type FileSystem, Layer, type Path, type PlatformError } from "effect"
import { encodeStatus, type Status } from "./internal/StatusDocument.ts"
import { contentsOf, isUnchanged } from "./internal/StatusFile/Contents.ts"

/** A running request, as the status line shows it. */
export interface RunningRequest {
  readonly provider: string
  /** The alias. */
  readonly model: string
}

/** Writes the status file as long as the layer lives. A failed write is logged once and repeated each second. */
export class StatusFile extends Context.Service<
  StatusFile,
  {
    /** Notes that a request runs until the returned function is called. Further calls have no effect. Synchronous, because every request uses it. */
    readonly callStarted: (request: RunningRequest) => () => void
  }
>()("@signalbox/server/StatusFile") {
  /** Writes the file at `path`, mode 0600. */
  static readonly layerAt = (
    path: string,
  ): Layer.Layer<StatusFile, never, StatsLedger | FileSystem.FileSystem | Path.Path> =>
    Layer.effect(StatusFile, make(path))
}

/** Between two reads of the ledger, and so between two writes. */
const interval = Duration.seconds(1)

const make = Effect.fnUntraced(function* (path: string) {
  const ledger = yield* StatsLedger
  const running = new Set<RunningRequest>()
  const files = yield* AtomicFile.make
  // Leftovers of a host that was killed: only one host at a time writes this file.
  yield* files.sweep(path)
  const write = (text: string): Effect.Effect<void, PlatformError.PlatformError> =>
    files.write(path, text, { durable: false })
  let written: Status | undefined
  let refused = ""

  const refresh = Effect.gen(function* () {
    const newest = [...running].at(-1)
    const contents = {
      ...contentsOf(yield* Effect.mapError(ledger.series(), ({ message }) => message)),
      ...(newest === undefined ? {} : { running: newest }),
    }
    const now = yield* Clock.currentTimeMillis
    if (written !== undefined && isUnchanged(written, now, contents)) return
    const status: Status = { writtenAt: now, ...contents }
    yield* Effect.mapError(
      write(encodeStatus(status)),
      (error) => `${path} cannot be written (${AtomicFile.errorCode(error)})`,
    )
    written = status
    if (refused !== "") yield* Effect.logInfo(`${path} is written again.`)
    refused = ""
  }).pipe(
    Effect.catch((why) => {
      if (why === refused) return Effect.void
      refused = why
      return Effect.logWarning(`\`signalbox status\` shows old numbers: ${why}`)
    }),
  )

  yield* Effect.addFinalizer(() =>
    Effect.suspend(() => {
      running.clear()
      return refresh
    }),
  )
  // After an interval: the start of the host comes first.
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(interval), refresh)))
  return StatusFile.of({
    callStarted: ({ model, provider }) => {
      // A separate object for each request: the same model may run many times at once.
      const request = { provider, model }
      running.add(request)
      return () => void running.delete(request)
    },
  })
})
