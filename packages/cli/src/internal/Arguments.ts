/**
 * Finds arguments that are not UTF-8. Node replaces their bytes by U+FFFD, and a document would keep the replacement. On Linux the kernel has the bytes;
 * elsewhere U+FFFD itself is refused, because it cannot be told from a replacement.
 */
import { isUtf8 } from "node:buffer"
import { readFileSync } from "node:fs"

export const replacement = "\ufffd"

/** The index of the first argument that is not UTF-8. `args` are the last words of the command line. */
export const damagedArgument = (args: ReadonlyArray<string>): number | undefined => {
  if (!args.some((arg) => arg.includes(replacement))) return undefined
  const raw = rawArguments(args.length)
  const index = args.findIndex((arg, at) => arg.includes(replacement) && !isUtf8(raw[at] ?? notUtf8))
  return index === -1 ? undefined : index
}

const notUtf8 = Buffer.of(0xff)

/** The bytes of the last `count` arguments (proc_pid_cmdline(5)), each of which ends with NUL. Empty where the kernel does not tell. */
const rawArguments = (count: number): ReadonlyArray<Buffer> => {
  try {
    // Each byte becomes one character.
    const words = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1)
    return words.slice(-count).map((word) => Buffer.from(word, "latin1"))
  } catch {
    return []
  }
}
