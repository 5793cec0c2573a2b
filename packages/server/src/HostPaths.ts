/**
 * The paths of a host's files: all are in the directory of its document. This module does not import effect, because the status line uses it and must
 * start fast.
 */
import { dirname, join, resolve } from "node:path"

/** Absolute paths. */
export interface HostPaths {
  /** The document. */
  readonly config: string
  /** The directory of the document and of all paths below. */
  readonly directory: string
  /** A host holds this lock while it runs, and writes its address into it (`HostNote`). */
  readonly lock: string
  /** The admin token, 0600. */
  readonly token: string
  /** The hashed keys of callers, 0600. */
  readonly credentials: string
  /** The usage ledger, a directory. */
  readonly ledger: string
  /** The numbers of status lines, written by the host, 0600. */
  readonly status: string
}

/**
 * Returns the paths of the host with the document `config`. A relative path is resolved against the working directory.
 *
 * **Example** (Finding the lock of a host)
 *
 * ```ts
 * import { hostPaths } from "@signalbox/server/HostPaths"
 *
 * hostPaths("/srv/signalbox/config.json").lock // => "/srv/signalbox/host.lock"
 * ```
 */
export const hostPaths = (config: string): HostPaths => {
  const path = resolve(config)
  const directory = dirname(path)
  return {
    config: path,
    directory,
    lock: join(directory, "host.lock"),
    token: join(directory, "admin.token"),
    credentials: join(directory, "credentials.json"),
    ledger: join(directory, "ledger"),
    status: join(directory, "status.json"),
  }
}
