/**
 * The note that a host writes into its `host.lock`: how to reach it. Only the lock proves that a host runs; a killed host leaves its note.
 * This module does not import effect, because the status line uses it and must start fast.
 */
import { closeSync, constants, readSync } from "node:fs"
import { isLocked, isLockedBy, pidNamespace } from "@signalbox/node/LockHolder"
import { openPrivate } from "@signalbox/node/PrivateFile"

/** A running host. */
export interface HostNote {
  /** Its pid. Absent if the host runs in another PID namespace, such as a container, where the number means another process. */
  readonly pid?: number
  /** The pid that the host has for itself, as `/healthz` reports it. */
  readonly ownPid: number
  /** The name of the host's machine or container, for people. */
  readonly hostname?: string
  /** The name of its document, which is beside the lock. */
  readonly document: string
  /** Its address without a trailing slash: `http://127.0.0.1:4747`. */
  readonly url: string
  readonly version: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
}

/**
 * Reads the note of a running host, which holds the lock of the file. Returns `undefined` for anything else: no file, no permission, other text, no lock.
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
  const written = parse(firstLine(lockPath))
  if (written === undefined) return undefined
  const { pidNamespace: namespace, ...note } = written
  const pid = namespace === pidNamespace() ? note.ownPid : undefined
  if (pid !== undefined && isLockedBy(lockPath, pid)) return { pid, ...note }
  // Without a mechanism for locks no host can run.
  return isLocked(lockPath) === true ? { ...(pid === undefined ? undefined : { pid }), ...note } : undefined
}

/**
 * Names a host for people: a pid has a meaning in its own PID namespace only.
 *
 * **Example** (Naming a host)
 *
 * ```ts
 * import { describeHost } from "@signalbox/server/HostNote"
 *
 * describeHost({ pid: 4711 }) // => "pid 4711"
 * describeHost({ hostname: "web-1" }) // => "a process in another PID namespace, on web-1"
 * ```
 */
export const describeHost = ({
  hostname,
  pid,
}: {
  readonly pid?: number | undefined
  readonly hostname?: string | undefined
}): string => {
  if (pid !== undefined) return `pid ${pid}`
  return `a process in another PID namespace${hostname === undefined ? "" : `, on ${hostname}`}`
}

/** The note in the file. */
export interface WrittenNote extends Omit<HostNote, "pid"> {
  readonly pidNamespace?: string
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
const parse = (line: string): WrittenNote | undefined => {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== "object" || value === null) return undefined
  const { document, hostname, pid, pidNamespace, startedAt, url, version } = value as Readonly<Record<string, unknown>>
  const isPid = typeof pid === "number" && Number.isInteger(pid) && pid > 0 && pid < 2 ** 31
  return isPid &&
    matches(document, /^[^/\0]{1,255}$/) &&
    matches(url, /^http:\/\/[\w.:[\]%-]{1,128}$/) &&
    matches(version, /^[\w.+-]{1,64}$/) &&
    isTime(startedAt)
    ? {
        ownPid: pid,
        ...(matches(pidNamespace, /^[\w:-]{1,64}$/) ? { pidNamespace } : undefined),
        ...(matches(hostname, /^[\w.-]{1,64}$/) ? { hostname } : undefined),
        document,
        url,
        version,
        startedAt,
      }
    : undefined
}

const matches = (value: unknown, pattern: RegExp): value is string => typeof value === "string" && pattern.test(value)

const isTime = (value: unknown): value is string => matches(value, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
