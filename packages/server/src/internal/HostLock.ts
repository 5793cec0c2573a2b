/**
 * Allows one host for each directory: a host holds `host.lock` beside the document while it runs, and writes its address into it. A second host fails
 * at once and names the first. A killed host leaves a free lock, whatever its note contains. If the lock file is removed, the lock no longer excludes
 * other hosts; the host detects that within a second and logs it.
 */

import { existsSync } from "node:fs"
import { basename } from "node:path"
import { version } from "@signalbox/api/Version"
import { FileLock } from "@signalbox/core/FileLock"
import { Context, DateTime, Effect, FileSystem, Layer } from "effect"
import { DirectoryUnusable, HostError, LockHeld, LockUnavailable } from "../HostError.ts"
import { readHostNote } from "../HostNote.ts"
import type { HostPaths } from "../HostPaths.ts"
import { clearHostNote, writeHostNote } from "./HostNoteFile.ts"

/** Holds the lock while the layer's Scope is open. */
export class HostLock extends Context.Service<
  HostLock,
  {
    /** Whether there was no document when this host took the lock. */
    readonly isNew: boolean
    /** Writes the note with this host's address into the lock file. It is removed with the lock. */
    readonly writeNote: (url: string) => Effect.Effect<void, HostError>
    /** A sentence if the lock no longer excludes other hosts because its file was removed, else `undefined`. */
    readonly problem: Effect.Effect<string | undefined>
  }
>()("@signalbox/server/HostLock") {
  /** Creates the directory of the document with mode 0700 if it is missing. */
  static readonly layerAt = (paths: HostPaths): Layer.Layer<HostLock, HostError, FileLock | FileSystem.FileSystem> =>
    Layer.effect(
      HostLock,
      Effect.suspend(() => make(paths)),
    )
}

/** Commands take the lock for a moment to check whether a host runs, so a start waits. */
const acquireTimeout = "1 second"

/** Between two checks of the lock file. */
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
      // If the directory was removed under this host, the file may be the lock of another host.
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

/** Logs each problem once. */
const logProblems = (problem: Effect.Effect<string | undefined>) =>
  Effect.suspend(() => {
    let logged: string | undefined
    return Effect.forever(
      Effect.gen(function* () {
        yield* Effect.sleep(interval)
        const sentence = yield* problem
        if (sentence !== undefined && sentence !== logged) yield* Effect.logWarning(sentence)
        logged = sentence
      }),
    )
  })

const problemAt = (lock: string): string | undefined => {
  const note = readHostNote(lock)
  if (note?.pid === process.pid) return undefined
  if (note !== undefined) {
    return `${lock} was removed, and pid ${note.pid} holds a new one: two hosts serve this document. Stop one of them (this one: kill ${process.pid}).`
  }
  // An unreadable file, for example for lack of descriptors, still excludes other hosts.
  return existsSync(lock)
    ? undefined
    : `${lock} was removed: another host can start on this document, and commands cannot find this one. Restart this one.`
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
