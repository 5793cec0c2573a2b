/**
 * Where a host keeps what is its own: everything lies in the directory of its document. Pure and without effect, because the status line
 * uses it and must start in an instant.
 */
import { dirname, join, resolve } from "node:path"

/** Paths, all absolute. */
export interface HostPaths {
  /** The document. */
  readonly config: string
  /** What follows lies beside it. */
  readonly directory: string
  /** Held by a host for its life; says where it listens (`HostNote`). */
  readonly lock: string
  /** The admin token, 0600. */
  readonly token: string
  /** The callers' keys, hashed, 0600. */
  readonly credentials: string
  /** The usage ledger, a directory. */
  readonly ledger: string
  /** What a status line shows, written by the host, 0600. */
  readonly status: string
}

/** The place of the host whose document stands at `config`; a relative path counts from the working directory. */
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
