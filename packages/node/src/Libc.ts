/**
 * The two calls of the C library that Node lacks: flock(2), and the rename that swaps. Reached through koffi's prebuilt binary, which is
 * loaded at the first use, because that takes milliseconds that a command line tool may never need. Nothing here throws: a call answers
 * zero or the errno, and what cannot be loaded is answered as a sentence.
 */
import { createRequire } from "node:module"
import { getSystemErrorMap } from "node:util"

export interface Libc {
  /** Zero, or the errno. */
  readonly flock: (fd: number, operation: number) => number
  /** Zero, or the errno; `undefined` where the C library has no such call. */
  readonly exchange: ((a: string, b: string) => number) | undefined
}

/** Of what koffi exports, the part that its binary has as well. */
type Koffi = Pick<typeof import("koffi"), "load" | "errno">

/** Why there is no C library to call, in words that continue "… because". */
export interface LibcMissing {
  readonly missing: string
}

/** The C library, or why it cannot be called; decided once for the process. */
export const libc = (): Libc | LibcMissing => {
  loaded ??= load()
  return loaded
}

/** `EAGAIN` for 11 on Linux and for 35 on macOS; the number itself where the name is unknown. */
export const errnoName = (errno: number): string => getSystemErrorMap().get(-errno)?.[0] ?? `errno ${errno}`

/** What the system says about an errno: `no such file or directory`. */
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

/** `require`, not `import`: koffi is an optional dependency and its absence must not stop this module from loading. */
const loadKoffi = (): Koffi => {
  const require = createRequire(import.meta.url)
  const { arch, platform } = process
  try {
    // The binary alone, of the package that koffi itself would choose: to choose takes its loader five times as long as to load. On musl this
    // one does not load, and on other processors its name is not so simple.
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
    // An older C library (musl before 1.2.6) has no such symbol: then there is no swap, which is an answer and not a failure.
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
