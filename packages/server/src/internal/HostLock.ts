/**
 * One host for each document, and for each directory: `host.lock` beside the document is held for the host's life, and says how to reach it. A
 * second host fails at once and says who was first. A host that was killed leaves a free lock, whatever its note says. A lock whose file was
 * removed keeps nobody away: that is noticed within a second, and said.
 */

import { existsSync } from "node:fs"
import { basename } from "node:path"
import { version } from "@signalbox/api/Version"
import { FileLock } from "@signalbox/core/FileLock"
import { Context, DateTime, Effect, FileSystem, Layer } from "effect"
import { DirectoryUnusable, HostError, LockHeld, LockUnavailable } from "../HostError.ts"
import { clearHostNote, readHostNote, writeHostNote } from "../HostNote.ts"
import type { HostPaths } from "../HostPaths.ts"

/** Held while the layer stands. */
export class HostLock extends Context.Service<
  HostLock,
  {
    /** There was no document when this host took the lock. */
    readonly isNew: boolean
    /** Says in the lock where this host listens; what stands there goes with the lock. */
    readonly writeNote: (url: string) => Effect.Effect<void, HostError>
    /** Why the lock keeps nobody away any more, and what to do: somebody has removed its file under this host. `undefined`: it does. */
    readonly problem: Effect.Effect<string | undefined>
  }
>()("@signalbox/server/HostLock") {
  /** Makes the directory of the document, 0700, where there is none. */
  static readonly layerAt = (paths: HostPaths): Layer.Layer<HostLock, HostError, FileLock | FileSystem.FileSystem> =>
    Layer.effect(
      HostLock,
      Effect.suspend(() => make(paths)),
    )
}

/** Whoever looks whether a host runs takes the lock for a moment: that is waited for. */
const acquireTimeout = "1 second"

/** Between two looks whether the lock still stands. */
const interval = "1 second"

const make = Effect.fnUntraced(function* ({ config, directory, lock }: HostPaths) {
  const fs = yield* FileSystem.FileSystem
  const locks = yield* FileLock
  yield* makeDirectory(directory)
  yield* Effect.mapError(locks.acquire(lock, { timeout: acquireTimeout }), ({ reason }) => {
    if (reason._tag === "LockUnavailable") return failure(new LockUnavailable({ path: lock, detail: reason.detail }))
    const note = readHostNote(lock)
    if (note !== undefined) {
      const other = note.document === basename(config) ? undefined : { other: note.document }
      return failure(new LockHeld({ path: lock, pid: note.pid, url: note.url, since: note.startedAt, ...other }))
    }
    const { holder } = reason
    return failure(new LockHeld({ path: lock, ...(holder === undefined ? undefined : { holder }) }))
  })
  const startedAt = DateTime.formatIso(yield* DateTime.now)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      // Where somebody has removed the directory under this host, the file there by now is the lock of another.
      if (readHostNote(lock)?.pid === process.pid) clearHostNote(lock)
    }),
  )
  let hasNote = false
  const problem = Effect.sync(() => (hasNote ? problemAt(lock) : undefined))
  yield* Effect.forkScoped(logProblems(problem))
  const isNew = !(yield* Effect.orElseSucceed(fs.exists(config), () => true))
  return HostLock.of({
    isNew,
    writeNote: (url) =>
      Effect.try({
        try: () => {
          writeHostNote(lock, { pid: process.pid, document: basename(config), url, version, startedAt })
          hasNote = true
        },
        catch: (error) =>
          failure(new LockUnavailable({ path: lock, detail: `it cannot be written (${codeOf(error)})` })),
      }),
    problem,
  })
})

/** Once for each that comes. */
const logProblems = (problem: Effect.Effect<string | undefined>) =>
  Effect.suspend(() => {
    let told: string | undefined
    return Effect.forever(
      Effect.gen(function* () {
        yield* Effect.sleep(interval)
        const sentence = yield* problem
        if (sentence !== undefined && sentence !== told) yield* Effect.logWarning(sentence)
        told = sentence
      }),
    )
  })

const problemAt = (lock: string): string | undefined => {
  const note = readHostNote(lock)
  if (note?.pid === process.pid) return undefined
  if (note !== undefined) {
    return `${lock} was removed, and pid ${note.pid} has one of its own by now: two hosts serve this document. Stop one of them (this one: kill ${process.pid}).`
  }
  // One that is there and cannot be read, for want of descriptors perhaps, still keeps others away.
  return existsSync(lock)
    ? undefined
    : `${lock} was removed: another host can start on this document, and no command finds this one. Restart this one.`
}

const makeDirectory = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.makeDirectory(path, { recursive: true, mode: 0o700 }), (error) =>
    failure(new DirectoryUnusable({ path, code: codeOf(error.reason.cause ?? error) })),
  )
})

const failure = (reason: HostError["reason"]): HostError => new HostError({ reason })

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "EIO"
