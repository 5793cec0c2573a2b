/**
 * Opens a lock file and checks that its name still leads to it. A deleted or replaced lock file would separate its present holders from later
 * ones. Hence the check after every lock, and a key by the file's identity instead of its path.
 */
import { closeSync, constants, fstatSync, lstatSync } from "node:fs"
import { openPrivate } from "../../PrivateFile.ts"
import { eraseHolderLine } from "./HolderLine.ts"

/** An open lock file, not necessarily locked. */
export interface LockFile {
  readonly path: string
  readonly fd: number
  readonly device: bigint
  readonly inode: bigint
  /** The same for every spelling of the path. */
  readonly key: string
}

/** Opens the file, and creates it (0600) if it is missing. Throws the errors of `openPrivate`. */
export const open = (path: string): LockFile => {
  const fd = openPrivate(path, constants.O_CREAT | constants.O_RDWR)
  try {
    const { dev, ino } = fstatSync(fd, exact)
    return { path, fd, device: dev, inode: ino, key: keyOf(dev, ino) }
  } catch (error) {
    close(fd)
    throw error
  }
}

/** Closes the file, which ends the lock. A failed close has closed it as well (`close(2)`). */
export const close = (fd: number): void => {
  try {
    closeSync(fd)
  } catch {}
}

/** Returns the key of the file at the path, or `undefined`. Throws the errors of `node:fs`. */
export const keyAt = (path: string): string | undefined => {
  const stats = lstatSync(path, exact)
  return stats && keyOf(stats.dev, stats.ino)
}

/** Returns whether the path still leads to the locked file, and removes the line of a dead holder then. Throws the errors of `node:fs`. */
export const confirm = (file: LockFile): boolean => {
  const stats = lstatSync(file.path, exact)
  if (stats === undefined || stats.ino !== file.inode || stats.dev !== file.device) return false
  if (stats.size > 0n) eraseHolderLine(file.fd)
  return true
}

/** Inode numbers fill 64 bits on some file systems. */
const exact = { bigint: true, throwIfNoEntry: false } as const

const keyOf = (device: bigint, inode: bigint): string => `${device}:${inode}`
