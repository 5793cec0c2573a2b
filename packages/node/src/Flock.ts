/**
 * `flock(2)` on descriptors that the caller has opened: the primitive of `NodeFileLock` and of the ledger's segments. The lock belongs to the open
 * file description: two descriptors exclude each other within one process too, the last close of a descriptor ends its lock, and the kernel
 * ends it when the process dies. No call blocks, so that the thread pool stays free.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { Context, Effect, Layer, Random, Schema } from "effect"
import { errnoName, errnoText, libc } from "./Libc.ts"

/** An exclusive lock excludes all others; a shared lock excludes exclusive ones. */
export type Mode = "exclusive" | "shared"

/** The lock was neither acquired nor refused: no mechanism, a closed descriptor, a file system without locks. */
export class FlockError extends Schema.TaggedError<FlockError>()("FlockError", {
  /** `EBADF`, `ENOLCK`, `EOPNOTSUPP` …; `ENOSYS` without a mechanism. */
  code: Schema.String,
  detail: Schema.String,
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * - `kernel`: the system call itself through koffi, about one microsecond.
 * - `program`: one run of `flock(1)` of util-linux for each operation, on the inherited descriptor. The lock is the same, but each operation
 *   starts a process (milliseconds). While `lock` waits, a child process waits in the kernel; an interruption kills it.
 * - `none`: every operation fails with code `ENOSYS` and a hint.
 */
export type Mechanism = "kernel" | "program" | "none"

/**
 * Locks descriptors with `flock(2)`, by the best mechanism of this machine.
 *
 * **Example** (Locking a descriptor)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { openSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { Flock } from "@signalbox/node"
 * import { Effect } from "effect"
 *
 * const fd = openSync(join(tmpdir(), "signalbox-example.lock"), "a", 0o600)
 * const program = Effect.flatMap(Flock, (flock) =>
 *   Effect.ensuring(flock.tryLock(fd, "exclusive"), Effect.sync(() => flock.unlockSync(fd))),
 * )
 * strictEqual(await Effect.runPromise(Effect.provide(program, Flock.layer)), true)
 * ```
 */
export class Flock extends Context.Service<
  Flock,
  {
    readonly mechanism: Mechanism
    /** Takes the lock, or returns `false` at once. A second call on the same descriptor converts the mode, not atomically (`flock(2)`). */
    readonly tryLock: (fd: number, mode: Mode) => Effect.Effect<boolean, FlockError>
    /** Waits until it holds the lock, without an order among waiters. After an interruption the descriptor may be locked: close or unlock it. */
    readonly lock: (fd: number, mode: Mode) => Effect.Effect<void, FlockError>
    /** Synchronous `tryLock`; throws `FlockError`. With `program` it blocks the thread for milliseconds. */
    readonly tryLockSync: (fd: number, mode: Mode) => boolean
    /** Releases the lock. Succeeds without a lock; throws `FlockError`. */
    readonly unlockSync: (fd: number) => void
  }
>()("@signalbox/node/Flock") {
  /** Uses the kernel's call, else `flock(1)`, else none. */
  static readonly layer: Layer.Layer<Flock> = Layer.sync(Flock, () => {
    const library = libc()
    if (!("missing" in library)) return kernel(library.flock)
    const program = programWorks()
    return program === true ? viaProgram : none(`${library.missing}, and ${program}`)
  })

  /** Uses the kernel's call or none. */
  static readonly layerKernel: Layer.Layer<Flock> = Layer.sync(Flock, () => {
    const library = libc()
    return "missing" in library ? none(library.missing) : kernel(library.flock)
  })

  /** Uses `flock(1)` or none. */
  static readonly layerProgram: Layer.Layer<Flock> = Layer.sync(Flock, () => {
    const program = programWorks()
    return program === true ? viaProgram : none(program)
  })
}

// ── kernel ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const kernel = (call: (fd: number, operation: number) => number): Flock["Service"] => {
  const attempt = (fd: number, operation: number): number => {
    // A signal can interrupt the call. It does not wait, so that the retry ends.
    for (;;) {
      const errno = call(fd, operation)
      if (errno === 0 || errnoName(errno) !== "EINTR") return errno
    }
  }
  const tryLockSync = (fd: number, mode: Mode): boolean => {
    const errno = attempt(fd, operations[mode] | LOCK_NB)
    if (errno === 0) return true
    const code = errnoName(errno)
    if (code === "EAGAIN") return false
    throw new FlockError({ code, detail: `flock(2) failed: ${errnoText(errno)} (${code})${advice[code] ?? ""}` })
  }
  const unlockSync = (fd: number): void => {
    const errno = attempt(fd, LOCK_UN)
    if (errno === 0) return
    const code = errnoName(errno)
    throw new FlockError({ code, detail: `unlocking failed: ${errnoText(errno)} (${code})` })
  }
  const tryLock = (fd: number, mode: Mode) => typed(() => tryLockSync(fd, mode))
  const lock = (fd: number, mode: Mode, attempts = 0): Effect.Effect<void, FlockError> =>
    Effect.flatMap(tryLock(fd, mode), (had) =>
      had ? Effect.void : Effect.flatMap(pause(attempts), () => lock(fd, mode, attempts + 1)),
    )
  return Flock.of({
    mechanism: "kernel",
    tryLock,
    lock: (fd, mode) => lock(fd, mode),
    tryLockSync,
    unlockSync,
  })
}

/**
 * At random, so that processes that met once do not meet again. At most 2 ms at first and 16 ms after a few attempts: eight processes that ask a
 * thousand times a second for one lock leave its holder little of the processor.
 */
const pause = (attempts: number) =>
  Effect.flatMap(Random.nextIntBetween(1, Math.min(2 << attempts, maxPauseMillis)), (millis) => Effect.sleep(millis))

const maxPauseMillis = 16

/** `<sys/file.h>`, the same on Linux and macOS. */
const [LOCK_SH, LOCK_EX, LOCK_NB, LOCK_UN] = [1, 2, 4, 8] as const
const operations: Readonly<Record<Mode, number>> = { exclusive: LOCK_EX, shared: LOCK_SH }

const advice: Readonly<Record<string, string>> = {
  ENOLCK: "; the file system has no locks left or knows none: put the file on a local disk",
  EOPNOTSUPP: "; the file system knows no locks: put the file on a local disk",
  ENOTSUP: "; the file system knows no locks: put the file on a local disk",
}

// ── flock(1) ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const modeFlag: Readonly<Record<Mode, string>> = { exclusive: "-x", shared: "-s" }
/** An exit code that `flock(1)` does not use itself: another holder has the lock. */
const BUSY = 75
const once = (mode: Mode): ReadonlyArray<string> => [modeFlag[mode], "-n", "-E", String(BUSY), "3"]

const viaProgram: Flock["Service"] = {
  mechanism: "program",
  tryLock: (fd, mode) => Effect.map(run(fd, once(mode)), (code) => code === 0),
  lock: (fd, mode) => Effect.asVoid(run(fd, [modeFlag[mode], "3"])),
  tryLockSync: (fd, mode) => runSync(fd, once(mode)) === 0,
  unlockSync: (fd) => void runSync(fd, ["-u", "3"]),
}

/** Returns 0 or `BUSY`. An interruption kills the child and waits for its end, so that no copy of the descriptor remains. */
const run = (fd: number, args: ReadonlyArray<string>): Effect.Effect<number, FlockError> =>
  Effect.callback<number, FlockError>((resume) => {
    let child: ChildProcess
    try {
      child = spawn("flock", args, { stdio: ["ignore", "ignore", "pipe", fd] })
    } catch (error) {
      return resume(Effect.fail(failed(error)))
    }
    let said = ""
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(0, 500)
    })
    child.once("error", (error) => resume(Effect.fail(failed(error))))
    child.once("close", (code) => {
      resume(code === 0 || code === BUSY ? Effect.succeed(code) : Effect.fail(refused(code, said)))
    })
    return Effect.callback<void>((ended) => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return ended(Effect.void)
      child.once("exit", () => ended(Effect.void))
      child.kill("SIGKILL")
    })
  })

const runSync = (fd: number, args: ReadonlyArray<string>): number => {
  const result = spawnSync("flock", args, { stdio: ["ignore", "ignore", "pipe", fd], encoding: "utf8" })
  if (result.error !== undefined) throw failed(result.error)
  if (result.status === 0 || result.status === BUSY) return result.status
  throw refused(result.status, result.stderr)
}

/** Returns `true`, or the reason. Tries the program on an existing file, because flock programs differ in their options. */
const programWorks = (): true | string => {
  if (process.platform === "win32") return "Windows has no flock: run this under WSL"
  const fd = openSync(process.execPath, "r")
  try {
    runSync(fd, once("shared"))
    return true
  } catch (error) {
    return `flock(1) does not work here (${error instanceof Error ? error.message : error}): install util-linux, or koffi`
  } finally {
    closeSync(fd)
  }
}

const failed = (error: unknown): FlockError => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "EIO"
  return new FlockError({
    code: code === "ENOENT" ? "ENOSYS" : code,
    detail: code === "ENOENT" ? "there is no flock program" : `the flock program did not start (${code})`,
  })
}

const refused = (code: number | null, said: string): FlockError =>
  new FlockError({
    code: "EIO",
    detail: `the flock program failed: ${said.trim().split("\n", 1)[0] || `exit code ${code}`}`,
  })

// ── none ────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const none = (detail: string): Flock["Service"] => {
  const error = new FlockError({ code: "ENOSYS", detail })
  const fail = () => Effect.fail(error)
  const raise = (): never => {
    throw error
  }
  return { mechanism: "none", tryLock: fail, lock: fail, tryLockSync: raise, unlockSync: raise }
}

const typed = <A>(f: () => A): Effect.Effect<A, FlockError> =>
  Effect.try({
    try: f,
    catch: (error) => {
      if (error instanceof FlockError) return error
      throw error
    },
  })
