/**
 * `FileExchange` on the kernel: renameat2(2) with RENAME_EXCHANGE on Linux, renamex_np(2) with RENAME_SWAP on macOS. One call on the
 * thread of the program, as quick as any rename. Where koffi is not installed, the service stays `undefined`.
 */
import { type Exchange, ExchangeUnsupported, FileExchange } from "@signalbox/core/FileExchange"
import { Effect, Layer, PlatformError } from "effect"
import { errnoName, errnoText, libc } from "./Libc.ts"

/** The kernel's call, or `undefined` where there is none: the file source then goes another way. */
export const layer: Layer.Layer<never> = Layer.sync(FileExchange, () => {
  const library = libc()
  return "missing" in library || library.exchange === undefined ? undefined : through(library.exchange)
})

const through =
  (call: (a: string, b: string) => number): Exchange =>
  (a, b) =>
    Effect.suspend((): ReturnType<Exchange> => {
      const errno = call(a, b)
      if (errno === 0) return Effect.void
      const code = errnoName(errno)
      if (unsupported.has(code)) return Effect.fail(new ExchangeUnsupported({ detail: `${a}: ${code}` }))
      return Effect.fail(
        PlatformError.systemError({
          _tag: tags[code] ?? "Unknown",
          module: "FileExchange",
          method: "exchange",
          description: `${code}: ${errnoText(errno)}`,
          syscall: "rename",
          pathOrDescriptor: `${a} ↔ ${b}`,
        }),
      )
    })

/**
 * EINVAL and ENOTSUP are the file system's refusal, ENOSYS the kernel's (or a container's filter, which may also say EPERM, but so does
 * an immutable file, hence EPERM stays an error). EINVAL also answers a swap of a directory with its own child, which nobody asks for.
 */
const unsupported: ReadonlySet<string> = new Set(["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])

const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EROFS: "PermissionDenied",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource",
  EBUSY: "Busy",
}
