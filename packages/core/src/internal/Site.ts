/** What every part of the file source works with, and how it speaks of trouble there. */

import type { Effect, FileSystem, Path, PlatformError } from "effect"
import { SourceUnavailable } from "../ConfigError.ts"
import type { Exchange } from "../FileExchange.ts"

export interface Site {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  readonly exchange: Exchange | undefined
  readonly hashBytes: (bytes: Uint8Array) => Effect.Effect<string>
  /** The document, as the host named it, absolute. */
  readonly name: string
}

/** The code that the operating system gave, such as `ENOSPC`; platforms put it into the cause or the description, or give only a tag. */
export const codeOf = ({ reason }: PlatformError.PlatformError): string => {
  if (reason._tag === "BadArgument") return "EINVAL"
  const { cause, description } = reason
  if (typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string")
    return cause.code
  return /^E[A-Z0-9]+/.exec(description ?? "")?.[0] ?? codes[reason._tag]
}

const codes: Readonly<Record<PlatformError.SystemErrorTag, string>> = {
  AlreadyExists: "EEXIST",
  BadResource: "EBADF",
  Busy: "EBUSY",
  InvalidData: "EINVAL",
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
  UnexpectedEof: "EIO",
  Unknown: "EIO",
  WouldBlock: "EAGAIN",
  WriteZero: "EIO",
}

export const unavailable =
  (path: string) =>
  (error: PlatformError.PlatformError): SourceUnavailable => {
    const code = codeOf(error)
    return new SourceUnavailable({ path, code, detail: words[code] ?? error.message })
  }

/** What people meet, in words; the platform's own name the function that failed. */
const words: Readonly<Record<string, string>> = {
  EACCES: "this user has no right to do this",
  EPERM: "this user has no right to do this",
  EROFS: "the file system is mounted read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota of this user is used up",
  ENOTDIR: "a part of the path is no directory",
}
