/**
 * `FileLock` on the kernel's `flock(2)`: it excludes `flock(1)` and every other process, and ends with its holder. Within the process fibers take
 * turns, so that one fiber at a time asks the kernel for a file; among processes there is no order. The lock file is created 0600, never
 * deleted, and names its exclusive holder for people. A link or a file of another user in its place is refused (`PrivateFile`).
 */
import { dirname } from "node:path"
import {
  FileLock,
  FileLockError,
  fromMechanism,
  type LockMechanism,
  LockTimedOut,
  LockUnavailable,
} from "@signalbox/core/FileLock"
import { KeyedLock, type Mode, type Restore } from "@signalbox/core/KeyedLock"
import { Clock, Effect, Exit, Layer, Option } from "effect"
import { Flock, FlockError } from "./Flock.ts"
import { holderLineAt, Signatures } from "./internal/NodeFileLock/HolderLine.ts"
import { IdleFiles } from "./internal/NodeFileLock/IdleFiles.ts"
import { close, confirm, keyAt, type LockFile, open } from "./internal/NodeFileLock/LockFile.ts"
import { UntrustedFile } from "./PrivateFile.ts"

/** Provides `FileLock` on the given `Flock`. */
export const layerFlock: Layer.Layer<FileLock, never, Flock> = Layer.effect(
  FileLock,
  Effect.gen(function* () {
    const flock = yield* Flock
    const idle = yield* Effect.acquireRelease(
      // Only the kernel's call can unlock without closing the file.
      Effect.sync(() => new IdleFiles(flock.mechanism === "kernel" ? MAX_IDLE : 0)),
      (idle) => Effect.sync(() => idle.closeAll()),
    )
    return fromMechanism(new FlockMechanism(flock, idle))
  }),
)

/** Uses the best mechanism of this machine. Without one, each lock fails with `LockUnavailable`; building the layer succeeds. */
export const layer: Layer.Layer<FileLock> = Layer.provide(layerFlock, Flock.layer)

/** The most descriptors that stay open between two locks. */
const MAX_IDLE = 16
/** The most attempts in a row that lock a file which was replaced in between. */
const MAX_REPLACED = 10

class FlockMechanism implements LockMechanism {
  readonly #flock: Flock["Service"]
  readonly #idle: IdleFiles
  readonly #inProcess = new KeyedLock()
  readonly #signatures = new Signatures()

  constructor(flock: Flock["Service"], idle: IdleFiles) {
    this.#flock = flock
    this.#idle = idle
  }

  readonly tryTake = (path: string, mode: Mode): (() => void) | undefined => {
    const file = this.#idle.take(path)
    if (file === undefined) return undefined
    if (!this.#inProcess.tryTake(file.key, mode)) {
      this.#idle.park(file)
      return undefined
    }
    try {
      if (this.#flock.tryLockSync(file.fd, mode) && confirm(file)) return this.#held(file, mode)
    } catch {
      // `take` meets the same error and reports it.
    }
    close(file.fd)
    this.#inProcess.release(file.key, mode)
    return undefined
  }

  readonly take = Effect.fnUntraced(
    { self: this },
    function* (path: string, mode: Mode, timeoutMillis: number, restore: Restore) {
      // Without a lock the new lock file is removed.
      if (this.#flock.mechanism === "none") yield* Effect.mapError(this.#flock.tryLock(-1, mode), unavailable(path))
      const start = yield* Clock.monotonicTimeNanos
      const left = Effect.map(Clock.monotonicTimeNanos, (now) => timeoutMillis - Number(now - start) / 1e6)
      for (let replaced = 0; replaced < MAX_REPLACED; replaced++) {
        const key = yield* attempt(path, () => keyAt(path) ?? this.#create(path))
        if (!(yield* this.#inProcess.take(key, mode, yield* left, restore))) {
          return yield* timedOut(path, timeoutMillis, `held by this process, pid ${process.pid}`)
        }
        const file = yield* Effect.onExit(this.#lock(path, key, mode, yield* left, restore), (exit) =>
          Exit.isSuccess(exit) && typeof exit.value === "object"
            ? Effect.void
            : Effect.sync(() => this.#inProcess.release(key, mode)),
        )
        if (typeof file === "object") return this.#held(file, mode)
        if (file === "held elsewhere") return yield* timedOut(path, timeoutMillis, holderLineAt(path))
      }
      return yield* unavailable(path)(
        "something keeps deleting or replacing it: stop that, lock files stay where they are",
      )
    },
  )

  /** Returns the locked file, or the reason for a failure. The caller has the turn of `key`. */
  readonly #lock = Effect.fnUntraced(
    { self: this },
    function* (
      path: string,
      key: string,
      mode: Mode,
      timeoutMillis: number,
      restore: Restore,
    ): Effect.fn.Return<LockFile | "held elsewhere" | "replaced", FileLockError> {
      const file = yield* attempt(path, () => this.#idle.take(path) ?? open(path))
      const lock: Effect.Effect<LockFile | "held elsewhere" | "replaced", FileLockError> = Effect.gen(
        { self: this },
        function* () {
          if (file.key !== key) return "replaced"
          const locked = yield* Effect.mapError(restore(this.#wait(file, mode, timeoutMillis)), unavailable(path))
          if (!locked) return "held elsewhere"
          return (yield* attempt(path, () => confirm(file))) ? file : "replaced"
        },
      )
      // The lock may have been acquired at the moment in which the wait ended.
      return yield* Effect.onExit(lock, (exit) =>
        Exit.isSuccess(exit) && exit.value === file ? Effect.void : Effect.sync(() => close(file.fd)),
      )
    },
  )

  #wait(file: LockFile, mode: Mode, timeoutMillis: number): Effect.Effect<boolean, FlockError> {
    const { lock, mechanism, tryLock } = this.#flock
    if (timeoutMillis <= 0) return tryLock(file.fd, mode)
    const wait = Effect.map(Effect.timeoutOption(lock(file.fd, mode), timeoutMillis), Option.isSome)
    // Polling is cheaper than a race of two fibers; a process is not.
    if (mechanism !== "kernel") return wait
    return Effect.flatMap(tryLock(file.fd, mode), (locked) => (locked ? Effect.succeed(true) : wait))
  }

  #create(path: string): string {
    const file = open(path)
    this.#idle.park(file)
    return file.key
  }

  #held(file: LockFile, mode: Mode): () => void {
    const signature = mode === "exclusive" ? this.#signatures.add(file.fd) : undefined
    return () => {
      if (signature !== undefined) this.#signatures.remove(signature)
      this.#letGo(file)
      this.#inProcess.release(file.key, mode)
    }
  }

  #letGo(file: LockFile): void {
    if (this.#unlocked(file)) this.#idle.park(file)
    else close(file.fd)
  }

  /** Only the kernel's call unlocks an open file; the program would need another process. */
  #unlocked(file: LockFile): boolean {
    if (this.#flock.mechanism !== "kernel") return false
    try {
      this.#flock.unlockSync(file.fd)
      return true
    } catch {
      return false
    }
  }
}

const timedOut = (path: string, timeoutMillis: number, holder: string | undefined): FileLockError =>
  new FileLockError({
    reason: new LockTimedOut({ path, timeoutMillis, ...(holder === undefined ? undefined : { holder }) }),
  })

const attempt = <A>(path: string, f: () => A): Effect.Effect<A, FileLockError> =>
  Effect.try({ try: f, catch: unavailable(path) })

const unavailable =
  (path: string) =>
  (problem: unknown): FileLockError =>
    new FileLockError({ reason: new LockUnavailable({ path, detail: detail(path, problem) }) })

const detail = (path: string, problem: unknown): string => {
  if (typeof problem === "string") return problem
  if (problem instanceof FlockError || problem instanceof UntrustedFile) return problem.message
  const code = problem instanceof Error && "code" in problem ? String(problem.code) : "unknown"
  return advice[code]?.(dirname(path)) ?? `${problem instanceof Error ? problem.message : problem}`
}

const advice: Readonly<Record<string, (directory: string) => string>> = {
  ENOENT: (directory) => `the directory ${directory} does not exist: create it`,
  ENOTDIR: (directory) => `${directory} is not a directory, or lies in something that is none`,
  EISDIR: () => "it is a directory: name a file",
  EACCES: (directory) => `this user may not read and write it: change its mode and owner, or those of ${directory}`,
  EPERM: (directory) => `this user may not read and write it: change its mode and owner, or those of ${directory}`,
  EROFS: () => "the file system is mounted read-only: choose another place",
  ENOSPC: () => "the disk is full and the lock file does not exist yet: make room",
  EDQUOT: () => "this user's disk quota is used up and the lock file does not exist yet: make room",
  EMFILE: () => "this process has too many open files: raise its limit (ulimit -n)",
  ENFILE: () => "the machine has too many open files: raise its limit (fs.file-max)",
}
