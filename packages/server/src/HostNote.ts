/**
 * The note that a host writes into its `host.lock`: how to reach it. Only the lock proves that a host runs; the note of a killed host has a dead pid.
 * This module does not import effect, because the status line uses it and must start fast.
 */
import { closeSync, constants, readSync } from "node:fs"
import { openPrivate } from "@signalbox/node/PrivateFile"
import { isAlive } from "./internal/isAlive.ts"

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

/**
 * Reads the note of a live process. Returns `undefined` for anything else: no file, no permission, other text, a dead pid.
 *
 * **Example** (Finding a running host)
 *
 * ```ts
 * import { readHostNote } from "@signalbox/server/HostNote"
 * import { hostPaths } from "@signalbox/server/HostPaths"
 *
 * const note = readHostNote(hostPaths("/no-such-directory/config.json").lock)
 *
 * note?.url // => undefined
 * ```
 */
export const readHostNote = (lockPath: string): HostNote | undefined => {
  const note = parse(firstLine(lockPath))
  return note !== undefined && isAlive(note.pid) ? note : undefined
}

// JSON may make a name of 255 bytes six times as long.
const maxBytes = 4096

const firstLine = (path: string): string => {
  const bytes = Buffer.alloc(maxBytes)
  try {
    const fd = openPrivate(path, constants.O_RDONLY)
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
