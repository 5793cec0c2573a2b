/**
 * The note that a host writes into its `host.lock`: how to reach it. Only the lock proves that a host runs; the note of a killed host has a dead pid.
 * This module does not import effect, because the status line uses it and must start fast.
 */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs"

/** A running host. */
export interface HostNote {
  readonly pid: number
  /** The name of its document, which is beside the lock. */
  readonly document: string
  /** Its address without a trailing slash: `http://127.0.0.1:4747`. */
  readonly url: string
  readonly version: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
}

/** Reads the note of a live process. Returns `undefined` for anything else: no file, no permission, other text, a dead pid. */
export const readHostNote = (lockPath: string): HostNote | undefined => {
  const note = parse(firstLine(lockPath))
  return note !== undefined && isAlive(note.pid) ? note : undefined
}

/** Writes the note; only the holder of the lock may call it. One line in one write: a reader sees the old note or the new one. Throws errors of `node:fs`. */
export const writeHostNote = (lockPath: string, note: HostNote): void => {
  const { document, pid, startedAt, url, version } = note
  const line = Buffer.from(`${JSON.stringify({ pid, document, url, version, startedAt })}\n`)
  const fd = openSync(lockPath, "r+")
  try {
    writeSync(fd, line, 0, line.length, 0)
    // Readers ignore the rest of a longer old line, which this removes.
    ftruncateSync(fd, line.length)
  } finally {
    closeSync(fd)
  }
}

/** Clears the note before the lock is released. A note that remains has a dead pid soon. */
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

// JSON may make a name of 255 bytes six times as long.
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

/** Strict: terminals show the note, and its URL receives requests with the admin token. */
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

/** Whether a process with this pid runs, of any user. */
export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    // EPERM: the process belongs to another user.
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}
