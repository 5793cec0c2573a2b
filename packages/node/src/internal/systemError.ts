/** Errors of the operating system as Effect reports them. */
import { PlatformError } from "effect"

/** `error` has the code of the operating system, such as `ENOENT`. */
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
