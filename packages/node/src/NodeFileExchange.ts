/**
 * `FileExchange` on the kernel: renameat2(2) with RENAME_EXCHANGE on Linux, renamex_np(2) with RENAME_SWAP on macOS. It is one synchronous call,
 * as fast as any rename. Without koffi the service is `undefined`.
 */
import { type Exchange, ExchangeUnsupported, FileExchange } from "@signalbox/core/FileExchange"
import { systemError } from "@signalbox/core/SystemError"
import { Effect, Layer } from "effect"
import { errnoName, errnoText, libc } from "./Libc.ts"

/** Provides the kernel's call, or `undefined` without it. The file source then uses hard links or a rename. */
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
      const description = `${code}: ${errnoText(errno)}`
      const where = { module: "FileExchange", method: "exchange", pathOrDescriptor: `${a} ↔ ${b}`, description }
      return Effect.fail(systemError(Object.assign(new Error(description), { code }), where))
    })

/**
 * The file system refuses with EINVAL or ENOTSUP, the kernel or a container's filter with ENOSYS. A filter may also return EPERM, but so does an
 * immutable file, hence EPERM stays an error. EINVAL is also the result for a directory and its own child, which no caller exchanges.
 */
const unsupported: ReadonlySet<string> = new Set(["EINVAL", "ENOSYS", "ENOTSUP", "EOPNOTSUPP"])
