/**
 * The line in a lock file that tells people who holds it. Only exclusive holders sign, only when they still hold at the next tick, and
 * they take the line back: most locks are let go sooner, and whoever asks for a holder has waited longer. Nothing here can fail a lock.
 */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs"

/** One exclusive holder. */
export interface Signature {
  readonly fd: number
  signed: boolean
}

const TICK_MILLIS = 10

/** Signs for the holders of one layer. One timer for all, armed only while somebody holds: a timer for each lock costs as much as the lock. */
export class Signatures {
  readonly #waiting = new Set<Signature>()
  #timer: NodeJS.Timeout | undefined

  /** With the exclusive lock on `fd`. */
  add(fd: number): Signature {
    const signature = { fd, signed: false }
    this.#waiting.add(signature)
    this.#timer ??= setTimeout(this.#tick, TICK_MILLIS)
    return signature
  }

  /** Before the lock is let go. */
  remove(signature: Signature): void {
    if (signature.signed) erase(signature.fd)
    else this.#waiting.delete(signature)
  }

  readonly #tick = () => {
    this.#timer = undefined
    for (const signature of this.#waiting) signature.signed = sign(signature.fd)
    this.#waiting.clear()
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
    closeSync(fd)
  }
}

/** Wipes the line of a holder that died; anything else stays. */
export const eraseNote = (fd: number): void => {
  if (readNote(fd) !== undefined) erase(fd)
}

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

/** A file that holds something else is left alone, whoever wrote it. */
const sign = (fd: number): boolean => {
  try {
    return fstatSync(fd).size === 0 && writeSync(fd, ownNote, 0) > 0
  } catch {
    return false
  }
}

const erase = (fd: number): void => {
  try {
    ftruncateSync(fd, 0)
  } catch {}
}
