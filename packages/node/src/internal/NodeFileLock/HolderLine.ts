/**
 * The line in a lock file that names its holder for people. Only exclusive holders sign, only if they still hold the lock at the next tick, and
 * they remove the line afterwards: most locks are shorter, and a process that reports the holder has waited longer. No error here fails a lock.
 */
import { closeSync, constants, fstatSync, ftruncateSync, readSync, writeSync } from "node:fs"
import { pidNamespace } from "../../LockHolder.ts"
import { openPrivate } from "../../PrivateFile.ts"

/** One exclusive holder. */
export interface Signature {
  readonly fd: number
  signed: boolean
}

const TICK_MILLIS = 10

/** Signs for the holders of one layer, with one timer for all of them: a timer for each lock would cost as much as the lock. */
export class Signatures {
  readonly #waiting = new Set<Signature>()
  #timer: NodeJS.Timeout | undefined

  /** Called with the exclusive lock on `fd`. */
  add(fd: number): Signature {
    const signature = { fd, signed: false }
    this.#waiting.add(signature)
    this.#timer ??= setTimeout(this.#tick, TICK_MILLIS)
    return signature
  }

  /** Called before the lock is released. */
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

/**
 * Returns `held by pid 4711, started …` if the file contains such a line. Its format is checked, because terminals and logs show it. A pid of another
 * PID namespace means another process here, and is left out.
 */
export const holderLineAt = (path: string): string | undefined => {
  let fd: number
  try {
    fd = openPrivate(path, constants.O_RDONLY)
  } catch {
    return undefined
  }
  try {
    const [, holder, started, namespace] = readHolderLine(fd) ?? []
    if (holder === undefined) return undefined
    const isHere = namespace === undefined || namespace === pidNamespace()
    return `held by ${isHere ? holder : "a process in another PID namespace"}, started ${started}`
  } finally {
    closeSync(fd)
  }
}

/** Removes the line of a dead holder. Any other content stays. */
export const eraseHolderLine = (fd: number): void => {
  if (readHolderLine(fd) !== undefined) erase(fd)
}

const HOLDER_LINE =
  /^held by (pid \d{1,10}), started (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)(?:, PID namespace ([\w:-]{1,64}))?(?=\n)/
const MAX_BYTES = 160

let line: string | undefined
const ownLine = (): string => {
  const started = new Date(Date.now() - process.uptime() * 1_000).toISOString()
  const namespace = pidNamespace()
  line ??= `held by pid ${process.pid}, started ${started}${namespace === undefined ? "" : `, PID namespace ${namespace}`}\n`
  return line
}

const readHolderLine = (fd: number): RegExpExecArray | undefined => {
  const bytes = Buffer.alloc(MAX_BYTES)
  try {
    return HOLDER_LINE.exec(bytes.toString("latin1", 0, readSync(fd, bytes, 0, bytes.length, 0))) ?? undefined
  } catch {
    return undefined
  }
}

/** Files with other content are not changed. */
const sign = (fd: number): boolean => {
  try {
    return fstatSync(fd).size === 0 && writeSync(fd, ownLine(), 0) > 0
  } catch {
    return false
  }
}

const erase = (fd: number): void => {
  try {
    ftruncateSync(fd, 0)
  } catch {}
}
