/**
 * Segments as files of one directory (0700, files 0600). Appending is one `write(2)` in append mode, which is atomic among all writers of a file.
 * `flock(2)` protects the segment: shared for appending, exclusive for replacing and removing. Appending never syncs; the ledger does it later.
 */
import { join } from "node:path"
import * as NodePath from "@effect/platform-node/NodePath"
import { dataDirectory } from "@signalbox/core/DataDirectory"
import { SegmentStorage, SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { Effect, Layer } from "effect"
import { Flock } from "./Flock.ts"
import { codeOf } from "./internal/interruptions.ts"
import { openAppender } from "./internal/NodeSegmentStorage/appender.ts"
import { exclusively } from "./internal/NodeSegmentStorage/exclusively.ts"
import { keepForeignLines } from "./internal/NodeSegmentStorage/keepForeignLines.ts"
import { syncSegment } from "./internal/NodeSegmentStorage/sync.ts"
import { makeLister, readPiece, readWhole, removeIfThere, segmentPaths, sizeOf } from "./internal/SegmentFiles.ts"

/** Provides segments in `directory`. The first entry creates it. */
export const layerAt = (directory: string): Layer.Layer<SegmentStorage, never, Flock> =>
  Layer.effect(
    SegmentStorage,
    Effect.gen(function* () {
      const flock = yield* Flock
      const at = segmentPaths(directory)
      const attempt = <A>(f: () => A): Effect.Effect<A, SegmentsUnavailable> =>
        Effect.try({ try: f, catch: (error) => unavailable(directory, error) })
      const list = makeLister(directory)
      const lock = flock.mechanism === "none" ? undefined : flock
      return SegmentStorage.of({
        name: directory,
        isProtected: lock !== undefined,
        open: (name) => openAppender(at, name, lock),
        list: attempt(list),
        read: (name, offset) => attempt(() => readPiece(at.entries(name), offset, false)),
        readRollUp: (name) => attempt(() => readWhole(at.rollUp(name))),
        size: (name) => attempt(() => sizeOf(at.entries(name)) + sizeOf(at.rollUp(name))),
        sync: (name) =>
          Effect.tryPromise({ try: () => syncSegment(at, name), catch: (error) => unavailable(directory, error) }),
        exclusively: exclusively(at, lock, (error) => unavailable(directory, error)),
        removeRollUp: (name) => attempt(() => removeIfThere(at.rollUp(name))),
        setAside: (lines) => attempt(() => keepForeignLines(at.foreignLines, lines)),
      })
    }),
  )

/** Provides the segments of a program in `ledger` of its `dataDirectory`, beside its document. */
export const layerFor = (program: string): Layer.Layer<SegmentStorage, SegmentsUnavailable, Flock> =>
  Layer.unwrap(
    Effect.provide(dataDirectory(program), NodePath.layer).pipe(
      Effect.mapBoth({
        onFailure: ({ message: detail }) =>
          new SegmentsUnavailable({ storage: `${program}/ledger`, code: "ENOENT", detail }),
        onSuccess: (directory) => layerAt(join(directory, "ledger")),
      }),
    ),
  )

/** The file of a ledger directory that keeps the lines which no version understands, at most 1 MiB. People may read and delete it. */
export const foreignLinesPath = (directory: string): string => segmentPaths(directory).foreignLines

const unavailable = (directory: string, error: unknown): SegmentsUnavailable =>
  new SegmentsUnavailable({
    storage: directory,
    code: codeOf(error),
    detail: error instanceof Error ? error.message : String(error),
  })
