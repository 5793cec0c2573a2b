/** Errors of Node's file system: a PlatformError whose cause has the code. */
import type { PlatformError } from "effect"
import { systemError } from "../../SystemError.ts"

export class Errno extends Error {
  readonly code: string
  constructor(code: string) {
    super(`${code}: ${meanings[code] ?? "simulated"}`)
    this.code = code
  }
}

export const toPlatformError = (error: Errno, method: string, path: string): PlatformError.PlatformError =>
  systemError(error, { module: "FileSystem", method, pathOrDescriptor: path })

const meanings: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  EEXIST: "file already exists",
  EISDIR: "illegal operation on a directory",
  ENOTDIR: "not a directory",
  ENOTEMPTY: "directory not empty",
  ELOOP: "too many symbolic links",
  ENOSPC: "no space left on device",
  EIO: "input/output error",
  EROFS: "read-only file system",
  EBADF: "bad file descriptor",
  EINVAL: "invalid argument",
}
