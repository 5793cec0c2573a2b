/**
 * The two calls of the C library that Node lacks: `flock(2)` and the rename that exchanges two names. koffi's prebuilt binary is loaded at the
 * first use, because loading takes milliseconds that a short command may not need. Nothing here throws: a call returns zero or the errno, and
 * a missing library is described by a sentence.
 */
import { createRequire } from "node:module"
import { getSystemErrorMap } from "node:util"

export interface Libc {
  /** Returns zero or the errno. */
  readonly flock: (fd: number, operation: number) => number
  /** Returns zero or the errno. `undefined` if the C library lacks the call. */
  readonly exchange: ((a: string, b: string) => number) | undefined
}

/** The exports of koffi that its binary has as well. */
type Koffi = Pick<typeof import("koffi"), "load" | "errno">

/** The reason that the C library cannot be called, as a clause after "because". */
export interface LibcMissing {
  readonly missing: string
}

/** Returns the C library or the reason that it cannot be called. Decided once per process. */
export const libc = (): Libc | LibcMissing => {
  loaded ??= load()
  return loaded
}

/** Returns the name of an errno: `EAGAIN` for 11 on Linux and 35 on macOS. Unknown numbers stay numbers. */
export const errnoName = (errno: number): string => getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`

/** Returns the system's text for an errno: `no such file or directory`. */
export const errnoText = (errno: number): string => getSystemErrorMap().get(-errno)?.[1] ?? "unknown error"

let loaded: Libc | LibcMissing | undefined

const load = (): Libc | LibcMissing => {
  if (process.platform !== "linux" && process.platform !== "darwin") {
    return { missing: `flock(2) is called on Linux and macOS only, not on ${process.platform}` }
  }
  try {
    const koffi = loadKoffi()
    const library = koffi.load(null)
    const answered = (result: number): number => (result === 0 ? 0 : koffi.errno())
    const flock = library.func("int flock(int fd, int operation)")
    const swap = exchangeCall(library)
    return {
      flock: (fd, operation) => answered(flock(fd, operation)),
      exchange: swap && ((a, b) => answered(swap(a, b))),
    }
  } catch (error) {
    return { missing: `koffi cannot be loaded: ${firstLine(error)}` }
  }
}

/** Uses `require`, because koffi is an optional dependency: this module must load without it. */
const loadKoffi = (): Koffi => {
  const require = createRequire(import.meta.url)
  const { arch, platform } = process
  try {
    // Loads the binary alone, from the package that koffi would choose: koffi's own loader takes five times as long. The shortcut fails on
    // musl and on some processors.
    const binary = `@koromix/koffi-${platform}-${arch}/${platform}_${arch}/koffi.node`
    return createRequire(require.resolve("koffi"))(binary)
  } catch {
    return require("koffi")
  }
}

const exchangeCall = (library: ReturnType<Koffi["load"]>): ((a: string, b: string) => number) | undefined => {
  try {
    if (process.platform === "darwin") {
      const call = library.func("int renamex_np(const char *from, const char *to, unsigned int flags)")
      return (a, b) => call(a, b, RENAME_SWAP)
    }
    const call = library.func(
      "int renameat2(int fromDirectory, const char *from, int toDirectory, const char *to, unsigned int flags)",
    )
    return (a, b) => call(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE)
  } catch {
    // An older C library (musl before 1.2.6) lacks the symbol: then there is no exchange, which is not a failure.
    return undefined
  }
}

const firstLine = (error: unknown): string =>
  String(error instanceof Error ? error.message : error).split("\n", 1)[0] ?? ""

/** `<fcntl.h>`: relative names are resolved from the working directory. */
const AT_FDCWD = -100
/** `<linux/fs.h>`, renameat2(2). */
const RENAME_EXCHANGE = 2
/** `<sys/stdio.h>` of macOS, renamex_np(2). */
const RENAME_SWAP = 2
