/**
 * The lock file itself: opening it, telling whether its name still leads to it, and the line for people inside. A lock file that somebody
 * deletes or replaces splits those who have it open from those who come later; hence the check after every lock, and the key, which is
 * the file's identity and not its spelling.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync, writeSync } from "node:fs"

/** An open lock file, not necessarily locked. */
export interface LockFile {
  readonly path: string
  readonly fd: number
  readonly device: bigint
  readonly inode: bigint
  /** The same for every spelling of the path: device and inode. */
  readonly key: string
  /** Whether the line for people may be written: not where something else stands in the file already. */
  readonly notable: boolean
}

/** Creates the file if it is missing (0600) and opens it; throws what `node:fs` throws. */
export const open = (path: string): LockFile => {
  const fd = openSync(path, constants.O_CREAT | constants.O_RDWR, 0o600)
  try {
    const stats = fstatSync(fd, { bigint: true })
    const notable = stats.isFile() && (stats.size === 0n || readNote(fd) !== undefined || isBlank(fd))
    return { path, fd, device: stats.dev, inode: stats.ino, key: keyOf(stats.dev, stats.ino), notable }
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

/** The key of what stands at the path, `undefined` if nothing does. */
export const keyAt = (path: string): string | undefined => {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false })
  return stats && keyOf(stats.dev, stats.ino)
}

/** Whether the path still leads to the file that is open. */
export const stands = (file: LockFile): boolean => {
  const stats = statSync(file.path, { bigint: true, throwIfNoEntry: false })
  return stats !== undefined && stats.ino === file.inode && stats.dev === file.device
}

/** Says who took the lock last. A disk that refuses the line does not refuse the lock. */
export const writeNote = (file: LockFile): void => {
  if (file.notable) overwrite(file.fd, ownLine)
}

/** A shared holder blanks the line: nobody can hold the lock exclusively now, and a line of old would accuse the wrong process. */
export const blankNote = (file: LockFile): void => {
  if (file.notable && readNote(file.fd) !== undefined) overwrite(file.fd, blank)
}

/** `last taken by pid 4711, started …`, if the file holds such a line. Checked letter by letter, since it goes to terminals and logs. */
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

/** What this process writes there. */
export const ownNote = `last taken by pid ${process.pid}, started ${new Date(Date.now() - process.uptime() * 1_000).toISOString()}`

const keyOf = (device: bigint, inode: bigint): string => `${device}:${inode}`

/** All lines are of one length, so that one write replaces another whole. */
const NOTE_BYTES = 72
const NOTE = /^last taken by pid \d{1,10}, started \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z(?= *\n)/

const line = (text: string): Buffer => Buffer.from(`${text.padEnd(NOTE_BYTES - 1)}\n`, "latin1")
const blank = line("")
const ownLine = line(ownNote)

const overwrite = (fd: number, note: Buffer): void => {
  try {
    writeSync(fd, note, 0, note.length, 0)
  } catch {}
}

const firstBytes = (fd: number): string => {
  const bytes = Buffer.alloc(NOTE_BYTES)
  try {
    return bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0))
  } catch {
    return ""
  }
}

const readNote = (fd: number): string | undefined => NOTE.exec(firstBytes(fd))?.[0]
const isBlank = (fd: number): boolean => firstBytes(fd) === blank.toString("latin1")
