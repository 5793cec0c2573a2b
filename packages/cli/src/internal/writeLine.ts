/** Writes one line to standard output by a single system call: Node's stream takes longer to create than a status line takes to draw. */
import { writeSync } from "node:fs"

/** Writes nothing for an empty line. A closed pipe is not an error; any other failure sets exit code 1 and is reported on standard error. */
export const writeLine = (line: string): void => {
  if (line === "") return
  try {
    writeSync(1, `${line}\n`)
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
    if (code === "EPIPE") return
    process.exitCode = 1
    try {
      writeSync(2, `signalbox: ${outputFailed(code)}\n`)
    } catch {
      // Standard error is closed as well.
    }
  }
}

export const outputFailed = (code: string): string => `the output could not be written (${code})`
