/**
 * What a host writes into its `host.lock` while it holds it: how to reach it. The lock alone says whether somebody holds it; a note that a
 * killed host left behind is known by its dead pid. Pure and without effect, because the status line uses it and must start in an instant.
 */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs"

/** A host that runs. */
export interface HostNote {
  readonly pid: number
  /** The name of its document, which lies beside the lock. */
  readonly document: string
  /** Where it listens, without a slash at the end: `http://127.0.0.1:4747`. */
  readonly url: string
  readonly version: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
}

/** What stands there, if it is a note of a process that lives. `undefined` for anything else: no file, no right, another text, a dead pid. */
export const readHostNote = (lockPath: string): HostNote | undefined => {
  const note = parse(firstLine(lockPath))
  return note !== undefined && isAlive(note.pid) ? note : undefined
}

/** For who holds the lock. One line in one write, so that a reader sees the old note or the new; fails as `node:fs` does. */
export const writeHostNote = (lockPath: string, note: HostNote): void => {
  const { document, pid, startedAt, url, version } = note
  const line = Buffer.from(`${JSON.stringify({ pid, document, url, version, startedAt })}\n`)
  const fd = openSync(lockPath, "r+")
  try {
    writeSync(fd, line, 0, line.length, 0)
    // What is left of a longer line stands behind the new one's end, where nobody reads.
    ftruncateSync(fd, line.length)
  } finally {
    closeSync(fd)
  }
}

/** For who holds the lock, before it lets go. A note that cannot be wiped is known by its dead pid. */
export const clearHostNote = (lockPath: string): void => {
  try {
    const fd = openSync(lockPath, "r+")
    try {
      ftruncateSync(fd, 0)
    } finally {
      closeSync(fd)
    }
  } catch {}
}

// A name of 255 bytes may be six times as long in JSON.
const maxBytes = 4096

const firstLine = (path: string): string => {
  const bytes = Buffer.alloc(maxBytes)
  try {
    const fd = openSync(path, "r")
    try {
      const text = bytes.toString("utf8", 0, readSync(fd, bytes, 0, maxBytes, 0))
      return text.slice(0, Math.max(0, text.indexOf("\n")))
    } finally {
      closeSync(fd)
    }
  } catch {
    return ""
  }
}

/** Checked letter by letter: it goes to terminals, and requests with the admin token go to its URL. */
const parse = (line: string): HostNote | undefined => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== "object" || value === null) return undefined
  const { document, pid, startedAt, url, version } = value as Partial<Record<keyof HostNote, unknown>>
  const isPid = typeof pid === "number" && Number.isInteger(pid) && pid > 0 && pid < 2 ** 31
  return isPid &&
    matches(document, /^[^/\0]{1,255}$/) &&
    matches(url, /^http:\/\/[\w.:[\]%-]{1,128}$/) &&
    matches(version, /^[\w.+-]{1,64}$/) &&
    isTime(startedAt)
    ? { pid, document, url, version, startedAt }
    : undefined
}

const matches = (value: unknown, pattern: RegExp): value is string => typeof value === "string" && pattern.test(value)

const isTime = (value: unknown): value is string => matches(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)

/** Whether a process of this number runs, whoever's it is. */
export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // Another user's process is one too.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
