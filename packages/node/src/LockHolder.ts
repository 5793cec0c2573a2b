/**
 * Whether a process holds a lock file, for programs that do not want the lock themselves. The kernel's lock decides: a pid has a meaning only in its
 * own PID namespace, and a process of another container has none here. This module does not import effect, because the status line uses it and
 * must start fast.
 */
import { spawnSync } from "node:child_process"
import { closeSync, constants, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs"
import { errnoName, libc } from "./Libc.ts"
import { openPrivate } from "./PrivateFile.ts"

/**
 * Returns whether any process holds the exclusive lock of the file. It takes a shared lock for microseconds, so a process that locks the file at that
 * instant must wait for a moment. Returns `undefined` if that cannot be found out: no right to read the file, or no mechanism for locks.
 *
 * **Example** (Asking for a lock that does not exist)
 *
 * ```ts
 * import { isLocked } from "@signalbox/node/LockHolder"
 *
 * isLocked("/no-such-directory/host.lock") // => false
 * ```
 */
export const isLocked = (path: string): boolean | undefined => {
  let fd: number
  try {
    fd = openPrivate(path, constants.O_RDONLY)
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ENOENT" ? false : undefined
  }
  try {
    return isRefused(fd)
  } finally {
    closeSync(fd)
  }
}

/** `<sys/file.h>`, the same on Linux and macOS. */
const [LOCK_SH, LOCK_NB] = [1, 4] as const

const isRefused = (fd: number): boolean | undefined => {
  const library = libc()
  if (!("missing" in library)) {
    const errno = library.flock(fd, LOCK_SH | LOCK_NB)
    if (errno === 0) return false
    return errnoName(errno) === "EAGAIN" ? true : undefined
  }
  const { status } = spawnSync("flock", ["-s", "-n", "-E", String(refused), "3"], {
    stdio: ["ignore", "ignore", "ignore", fd],
  })
  if (status === 0) return false
  return status === refused ? true : undefined
}

/** An exit code that `flock(1)` does not use itself. */
const refused = 75

/**
 * Returns whether the process `pid` of this PID namespace holds the exclusive lock of the file (proc_pid_fdinfo(5)). `false` also where the kernel does
 * not tell: on macOS, and for a process of another user. `/proc/locks` would tell more, but its first read waits 10 ms for an RCU grace period.
 *
 * **Example** (Asking for a holder)
 *
 * ```ts
 * import { isLockedBy } from "@signalbox/node/LockHolder"
 *
 * isLockedBy("/no-such-directory/host.lock", process.pid) // => false
 * ```
 */
export const isLockedBy = (path: string, pid: number): boolean => {
  try {
    const { dev, ino } = statSync(path)
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const file = statSync(`/proc/${pid}/fd/${fd}`, { throwIfNoEntry: false })
      return file?.ino === ino && file.dev === dev && hasWriteLock(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "latin1"))
    })
  } catch {
    return false
  }
}

const hasWriteLock = (fdinfo: string): boolean => /^lock:\s.* FLOCK .* WRITE /m.test(fdinfo)

/**
 * Returns the name of this process's PID namespace, with the boot of its kernel: two processes with the same name give a pid the same meaning. `undefined`
 * where the platform has no PID namespaces.
 *
 * **Example** (Comparing with another process)
 *
 * ```ts
 * import { pidNamespace } from "@signalbox/node/LockHolder"
 *
 * pidNamespace() === pidNamespace() // => true
 * ```
 */
export const pidNamespace = (): string | undefined => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()
    return `${boot}:${readlinkSync("/proc/self/ns/pid").replace(/\D/g, "")}`
  } catch {
    return undefined
  }
}
