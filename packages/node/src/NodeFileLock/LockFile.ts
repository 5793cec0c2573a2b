/**
 * The lock file itself: opening it, telling whether its name still leads to it, and the line for people inside. A lock file that somebody
 * deletes or replaces splits those who have it open from those who come later; hence the look after every lock, and the key, which is the
 * file's identity and not its spelling.
 */
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs"

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
  if (stats.size > 0n && readNote(file.fd) !== undefined) erase(file.fd)
  return true
}

/**
 * With the exclusive lock: says who holds it, once that has lasted a moment, and answers how to take the line back. Most locks are let go
 * sooner, and whoever asks who holds a lock has waited longer. A file that holds something else is left alone, whoever wrote it.
 */
export const sign = (fd: number): (() => void) => {
  let signed = false
  const timer = setTimeout(() => {
    try {
      signed = fstatSync(fd).size === 0 && writeSync(fd, ownNote, 0) > 0
    } catch {}
  }, NOTE_AFTER_MILLIS)
  return () => {
    clearTimeout(timer)
    if (signed) erase(fd)
  }
}

/** `held by pid 4711, started …`, if the file holds such a line. Checked letter by letter, since it goes to terminals and logs. */
export const noteAt = (path: string): string | undefined => {
  let fd: number
  try {
    fd = openSync(path, "r")
  } catch {
    return undefined
  }
  try {
    return readNote(fd)
  } finally {
    close(fd)
  }
}

/** Inode numbers fill 64 bits on some file systems. */
const exact = { bigint: true, throwIfNoEntry: false } as const

const keyOf = (device: bigint, inode: bigint): string => `${device}:${inode}`

const NOTE_AFTER_MILLIS = 10
const NOTE = /^held by pid \d{1,10}, started \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?=\n)/
const NOTE_MAX_BYTES = 80

const ownNote = `held by pid ${process.pid}, started ${new Date(Date.now() - process.uptime() * 1_000).toISOString()}\n`

const readNote = (fd: number): string | undefined => {
  const bytes = Buffer.alloc(NOTE_MAX_BYTES)
  try {
    return NOTE.exec(bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0)))?.[0]
  } catch {
    return undefined
  }
}

/** A disk that refuses the line, or to lose it, does not refuse the lock. */
const erase = (fd: number): void => {
  try {
    ftruncateSync(fd, 0)
  } catch {}
}
