/**
 * The lock file itself: opening it, and telling whether its name still leads to it. A lock file that somebody deletes or replaces splits
 * those who have it open from those who come later; hence the look after every lock, and the key, which is the file's identity and not
 * its spelling.
 */
import { closeSync, constants, fstatSync, openSync, statSync } from "node:fs"
import { eraseNote } from "./HolderNote.ts"

/** An open lock file, not necessarily locked. */
export interface LockFile {
  readonly path: string
  readonly fd: number
  readonly device: bigint
  readonly inode: bigint
  /** The same for every spelling of the path. */
  readonly key: string
}

/** Creates the file if it is missing (0600) and opens it; throws what `node:fs` throws. */
export const open = (path: string): LockFile => {
  const fd = openSync(path, constants.O_CREAT | constants.O_RDWR, 0o600)
  try {
    const { dev, ino } = fstatSync(fd, exact)
    return { path, fd, device: dev, inode: ino, key: keyOf(dev, ino) }
  } catch (error) {
    close(fd)
    throw error
  }
}

/** Closing ends the lock. A close that fails has closed all the same (close(2)). */
export const close = (fd: number): void => {
  try {
    closeSync(fd)
  } catch {}
}

/** The key of what stands at the path, `undefined` if nothing does; throws what `node:fs` throws. */
export const keyAt = (path: string): string | undefined => {
  const stats = statSync(path, exact)
  return stats && keyOf(stats.dev, stats.ino)
}

/** With the lock: whether the path still leads to the file; if so, the line of a holder that died is wiped. Throws what `node:fs` throws. */
export const confirm = (file: LockFile): boolean => {
  const stats = statSync(file.path, exact)
  if (stats === undefined || stats.ino !== file.inode || stats.dev !== file.device) return false
  if (stats.size > 0n) eraseNote(file.fd)
  return true
}

/** Inode numbers fill 64 bits on some file systems. */
const exact = { bigint: true, throwIfNoEntry: false } as const

const keyOf = (device: bigint, inode: bigint): string => `${device}:${inode}`
