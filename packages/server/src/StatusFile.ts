/**
 * What `signalbox status` shows, written by the host: the calls of the window and what is under way, at most once a second and only when there is
 * something new. Nothing is synced: the numbers are in the ledger, and a reader takes a file that a power cut tore for none. At its end a host
 * leaves the file, which stays true (`StatusLine`).
 *
 * It looks into the ledger each second instead of following `stats.recorded`: a look costs what is new, an event for each call costs more
 * than recording it does, and what other processes record brings no event at all.
 */
import { isTemporary, temporaryOf } from "@signalbox/core/internal/Names"
import { codeOf } from "@signalbox/core/internal/Site"
import { StatsLedger } from "@signalbox/core/StatsLedger"
import { Clock, Context, Duration, Effect, FileSystem, Layer, Path, Random } from "effect"
import { encodeStatus, type Status } from "./internal/StatusDocument.ts"
import { contentsOf, isUnchanged } from "./internal/StatusFile/Contents.ts"

/** A request as a status line names it. */
export interface RunningRequest {
  readonly provider: string
  /** The alias. */
  readonly model: string
}

/** Writes the file while it stands. A write that fails is logged once, and tried again each second. */
export class StatusFile extends Context.Service<
  StatusFile,
  {
    /** A request is under way, until what is returned is called; more than once does no harm. Synchronous: every request says so. */
    readonly callStarted: (request: RunningRequest) => () => void
  }
>()("@signalbox/server/StatusFile") {
  /** The file at `path`, 0600. */
  static readonly layerAt = (
    path: string,
  ): Layer.Layer<StatusFile, never, StatsLedger | FileSystem.FileSystem | Path.Path> =>
    Layer.effect(StatusFile, make(path))
}

/** Between two looks, and so between two writes. */
const interval = Duration.seconds(1)

const make = Effect.fnUntraced(function* (path: string) {
  const ledger = yield* StatsLedger
  const running = new Set<RunningRequest>()
  const write = yield* makeWriter(path)
  let written: Status | undefined
  let refused = ""

  const refresh = Effect.gen(function* () {
    const newest = [...running].at(-1)
    const contents = {
      ...contentsOf(yield* Effect.mapError(ledger.series(), ({ message }) => message)),
      ...(newest === undefined ? {} : { running: { ...newest, pid: process.pid } }),
    }
    const now = yield* Clock.currentTimeMillis
    if (written !== undefined && isUnchanged(written, now, contents)) return
    const status: Status = { writtenAt: now, ...contents }
    yield* Effect.mapError(write(encodeStatus(status)), (error) => `${path} cannot be written (${codeOf(error)})`)
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
  // Not at once: a start has more urgent things to do.
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(interval), refresh)))
  return StatusFile.of({
    callStarted: ({ model, provider }) => {
      // An object of its own: the same model may be called many times at once.
      const request = { provider, model }
      running.add(request)
      return () => void running.delete(request)
    },
  })
})

/** Whole or not at all for who reads meanwhile: a new file takes the name of the old one. */
const makeWriter = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  const { basename, dirname, join } = yield* Path.Path
  const [directory, document] = [dirname(path), basename(path)]
  // Those of a host that was killed: there is only one at a time.
  for (const name of yield* Effect.orElseSucceed(fs.readDirectory(directory), () => [])) {
    if (isTemporary(document, name)) yield* Effect.ignore(fs.remove(join(directory, name)))
  }
  return Effect.fnUntraced(function* (text: string) {
    const random = (yield* Random.nextIntBetween(0, 2 ** 48)).toString(36).padStart(10, "0")
    const temporary = join(directory, temporaryOf(document, random))
    yield* fs.writeFileString(temporary, text, { flag: "wx", mode: 0o600 }).pipe(
      Effect.andThen(fs.rename(temporary, path)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true }))),
      Effect.uninterruptible,
    )
  })
})
