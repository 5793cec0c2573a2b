/** One line on standard output in one system call: the stream that Node makes of it costs more than the rest of a status line. */
import { writeSync } from "node:fs"

/** Nothing for nothing. A reader that went away is no mistake; a full disk is, and is said as `Output.ts` says it. */
export const say = (line: string): void => {
  if (line === "") return
  try {
    writeSync(1, `${line}\n`)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
    if (code === "EPIPE") return
    process.exitCode = 1
    try {
      writeSync(2, `signalbox: ${unwritten(code)}\n`)
    } catch {
      // Nobody reads that either.
    }
  }
}

export const unwritten = (code: string): string => `the answer could not be written (${code})`
