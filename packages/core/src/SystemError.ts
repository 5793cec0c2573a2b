/** Errors of the operating system as Effect reports them. */
import { PlatformError } from "effect"

/**
 * Makes a `PlatformError` of an error with the code of the operating system, such as `ENOENT`.
 *
 * **Example** (Reporting a missing file)
 *
 * ```ts
 * import { systemError } from "@signalbox/core/SystemError"
 *
 * const missing = Object.assign(new Error("no such file"), { code: "ENOENT" })
 * const error = systemError(missing, { module: "FileSystem", method: "open", pathOrDescriptor: "a.json" })
 *
 * error.reason._tag // => "NotFound"
 * ```
 */
export const systemError = (
  error: Error & { readonly code: unknown },
  where: {
    readonly module: string
    readonly method: string
    readonly pathOrDescriptor: string
    readonly description?: string
  },
): PlatformError.PlatformError =>
  PlatformError.systemError({ _tag: tags[String(error.code)] ?? "Unknown", ...where, cause: error })

/** The same as in `@effect/platform-node`. */
const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EEXIST: "AlreadyExists",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  EBUSY: "Busy",
  ELOOP: "BadResource",
}
