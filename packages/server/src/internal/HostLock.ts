/**
 * Allows one host for each directory, and for each document (`DocumentGuard`): a host holds `host.lock` beside the document while it runs, and writes
 * its address into it. A second host fails at once and names the first. A killed host leaves a free lock, whatever its note contains. If the lock file
 * is removed, the lock no longer excludes other hosts; the host detects that within a second and logs it.
 */

import { type BigIntStats, lstatSync } from "node:fs"
import { hostname } from "node:os"

import { basename } from "node:path"
import { version } from "@signalbox/api/Version"
import { FileLock } from "@signalbox/core/FileLock"
import { pidNamespace } from "@signalbox/node/LockHolder"
import { Context, DateTime, Effect, FileSystem, Layer } from "effect"
import { DirectoryUnusable, HostError, LockHeld, LockUnavailable } from "../HostError.ts"
import { describeHost, readHostNote } from "../HostNote.ts"
import type { HostPaths } from "../HostPaths.ts"
import { makeDocumentGuard } from "./HostLock/DocumentGuard.ts"
import { clearHostNote, writeHostNote } from "./HostNoteFile.ts"

/** Holds the lock while the layer's Scope is open. */
export class HostLock extends Context.Service<
  HostLock,
  {
    /** Whether there was no document when this host took the lock. */
    readonly isNew: boolean
    /** Writes the note with this host's address into the lock file. It is removed with the lock. On a full disk it is written once there is room. */
    readonly writeNote: (url: string) => Effect.Effect<void, HostError>
    /** A sentence if the lock file was removed, so that it no longer excludes other hosts, or has no note. Else `undefined`. */
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
      const { hostname, pid, startedAt: since, url } = note
      return failure(new LockHeld({ path: lock, ...definedOf({ pid, hostname }), url, since, ...other }))
    }
    const { holder } = reason
    return failure(new LockHeld({ path: lock, ...(holder === undefined ? undefined : { holder }) }))
  })
  const held = lstatOf(lock)
  const guard = yield* makeDocumentGuard(config, acquireTimeout)
  const startedAt = DateTime.formatIso(yield* DateTime.now)
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      // If the directory was removed under this host, the file may be the lock of another host.
      if (isSame(lstatOf(lock), held)) clearHostNote(lock)
    }),
  )
  // A host that was killed has left its note.
  clearHostNote(lock)
  let writeIt: (() => void) | undefined
  let refused: string | undefined
  const problem = Effect.suspend(() => {
    if (refused !== undefined) refused = codeOfThrown(writeIt)
    const sentence = problemAt(lock, held) ?? (refused === undefined ? undefined : withoutNote(lock, refused))
    return sentence === undefined ? guard.follow : Effect.succeed(sentence)
  })
  yield* Effect.forkScoped(logProblems(problem))
  const isNew = !(yield* Effect.orElseSucceed(fs.exists(config), () => true))
  return HostLock.of({
    isNew,
    writeNote: (url) =>
      Effect.suspend(() => {
        const process = definedOf({ pidNamespace: pidNamespace(), hostname: hostname() })
        writeIt = () => writeHostNote(lock, { ownPid, ...process, document: basename(config), url, version, startedAt })
        refused = codeOfThrown(writeIt)
        // Requests can be served without the note.
        return refused === undefined || diskFull.has(refused)
          ? Effect.void
          : Effect.fail(failure(new LockUnavailable({ path: lock, detail: `it cannot be written (${refused})` })))
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

const ownPid = process.pid

const problemAt = (lock: string, held: Found): string | undefined => {
  const found = lstatOf(lock)
  // A file that cannot be examined still excludes other hosts.
  if (isSame(found, held) || found === "unknown" || held === "unknown") return undefined
  const note = found === undefined ? undefined : readHostNote(lock)
  if (note !== undefined) {
    return `${lock} was removed, and ${describeHost(note)} holds a new one: two hosts serve this document. Stop one of them (this one: kill ${ownPid}).`
  }
  return `${lock} was removed: another host can start on this document, and commands cannot find this one. Restart this one.`
}

type Found = BigIntStats | "unknown" | undefined

const lstatOf = (path: string): Found => {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    return "unknown"
  }
}

const isSame = (a: Found, b: Found): boolean =>
  typeof a === "object" && typeof b === "object" ? a.ino === b.ino && a.dev === b.dev : a === b

const definedOf = <A extends Readonly<Record<string, unknown>>>(record: A) =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]?: Exclude<A[K], undefined>
  }

const makeDirectory = Effect.fnUntraced(function* (path: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.makeDirectory(path, { recursive: true, mode: 0o700 }), (error) =>
    failure(new DirectoryUnusable({ path, code: codeOf(error.reason.cause ?? error) })),
  )
})

const withoutNote = (lock: string, code: string): string =>
  `The address of this host cannot be written to ${lock} (${code}): commands do not find it. Free some space on that disk.`

const diskFull: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT"])

const codeOfThrown = (run: (() => void) | undefined): string | undefined => {
  try {
    run?.()
    return undefined
  } catch (error) {
    return codeOf(error)
  }
}

const failure = (reason: HostError["reason"]): HostError => new HostError({ reason })

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "EIO"
