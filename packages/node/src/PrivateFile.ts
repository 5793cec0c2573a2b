/**
 * Opens the files that Signalbox keeps in its directories. Another user may have planted a link, a FIFO or a file of their own under such a name, so
 * the open follows no symbolic link and never waits, and the descriptor is checked before anything is read or changed. This module does not
 * import effect, because the status line uses it and must start fast.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, type Stats, statSync } from "node:fs"
import { dirname } from "node:path"
import { foreignLink, foreignOwner, isTrustedOwner } from "@signalbox/core/FileOwners"

/** The name leads to something that another user may have planted. */
export class UntrustedFile extends Error {
  /** `ELOOP` for a symbolic link, `EPERM` for an owner, `EMLINK` for a second name, `EINVAL` for anything but a file. */
  readonly code: string

  constructor(code: string, sentence: string) {
    super(sentence)
    this.code = code
  }
}

/**
 * Opens a file and returns its descriptor. With `O_CREAT` a missing file is created with mode 0600.
 *
 * **Details**
 *
 * Throws `UntrustedFile` for a symbolic link, for anything but a regular file, and for a file of another user. A file that is opened for writing
 * must have one name only, because a hard link may lead to any file of this user. Throws the errors of `node:fs` otherwise. `O_TRUNC` is not
 * allowed, because it would act before the checks.
 *
 * **Example** (Opening a lock file)
 *
 * ```ts
 * import { closeSync, constants, mkdtempSync, symlinkSync } from "node:fs"
 * import { tmpdir } from "node:os"
 * import { join } from "node:path"
 * import { openPrivate } from "@signalbox/node/PrivateFile"
 *
 * const directory = mkdtempSync(join(tmpdir(), "signalbox-"))
 * closeSync(openPrivate(join(directory, "a.lock"), constants.O_CREAT | constants.O_RDWR))
 *
 * symlinkSync("/etc/passwd", join(directory, "b.lock"))
 * const attempt = () => openPrivate(join(directory, "b.lock"), constants.O_RDWR)
 * const outcome = (() => {
 *   try {
 *     return attempt()
 *   } catch (error) {
 *     return error instanceof Error && "code" in error ? error.code : error
 *   }
 * })()
 *
 * outcome // => "ELOOP"
 * ```
 */
export const openPrivate = (path: string, flags: number): number => {
  const fd = openNoFollow(path, flags & ~constants.O_TRUNC)
  try {
    const stats = fstatSync(fd)
    const found = problemOf(path, stats) ?? (isForWriting(flags) ? linkProblem(stats) : undefined)
    if (found !== undefined) throw refusal(path, found)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/**
 * Returns why `openPrivate` would refuse the file at the path for writing, as a sentence. Returns `undefined` if it would open it, and for a missing
 * file.
 *
 * **Example** (Checking a lock file)
 *
 * ```ts
 * import { distrustOf } from "@signalbox/node/PrivateFile"
 *
 * distrustOf("/no-such-file") // => undefined
 * ```
 */
export const distrustOf = (path: string): string | undefined => {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  const found = stats.isSymbolicLink() ? symbolicLink : (problemOf(path, stats) ?? linkProblem(stats))
  return found === undefined ? undefined : `${path} ${found[1]}`
}

/**
 * Returns why a directory, or a file that people may put behind a link, is not trusted, as a sentence: it or a link to it belongs to another user.
 * `undefined` if it is trusted, or missing.
 *
 * **Example** (Checking a directory)
 *
 * ```ts
 * import { foreignOwnerOf } from "@signalbox/node/PrivateFile"
 *
 * foreignOwnerOf("/no-such-file") // => undefined
 * ```
 */
export const foreignOwnerOf = (path: string): string | undefined => {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  if (!isTrusted(path, stats)) {
    return `${path} ${stats.isSymbolicLink() ? foreignLink(stats.uid) : foreignOwner(stats.uid)}`
  }
  if (!stats.isSymbolicLink()) return undefined
  const target = statSync(path, { throwIfNoEntry: false })
  return target === undefined || isTrusted(path, target) ? undefined : `${path} ${foreignOwner(target.uid)}`
}

type Problem = readonly [code: string, problem: string]

const refusal = (path: string, [code, problem]: Problem): UntrustedFile => new UntrustedFile(code, `${path} ${problem}`)

const symbolicLink: Problem = ["ELOOP", "is a symbolic link, which may lead to any file: remove the link"]

/** A FIFO would wait for its other end without `O_NONBLOCK`, which has no effect on files. */
const openNoFollow = (path: string, flags: number): number => {
  try {
    return openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    // Other systems than Linux and macOS report EMLINK.
    if (code === "ELOOP" || code === "EMLINK") throw refusal(path, symbolicLink)
    // A FIFO without a reader, or a socket.
    if (code === "ENXIO") throw refusal(path, noFile)
    throw error
  }
}

const noFile: Problem = ["EINVAL", "is not a regular file: remove it"]

const isForWriting = (flags: number): boolean => (flags & (constants.O_WRONLY | constants.O_RDWR)) !== 0

const problemOf = (path: string, stats: Stats): Problem | undefined => {
  if (!stats.isFile()) return noFile
  return isTrusted(path, stats) ? undefined : ["EPERM", foreignOwner(stats.uid)]
}

/** A file that was removed after the open has no name. Callers find that out by themselves. */
const linkProblem = ({ nlink }: Stats): Problem | undefined =>
  nlink > 1 ? ["EMLINK", `is one of ${nlink} names of the same file, which a write would change: remove it`] : undefined

const isTrusted = (path: string, { uid }: Stats): boolean => {
  const user = process.geteuid?.()
  return user === undefined || isTrustedOwner(uid, user, () => statSync(dirname(path)).uid)
}
