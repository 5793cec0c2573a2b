/** One line on standard output in one system call: the stream that Node makes of it costs more than the rest of a status line. */
import { writeSync } from "node:fs"

/** Nothing for nothing. A reader that went away is no mistake; a full disk is. */
export const say = (line: string): void => {
  if (line === "") return
  try {
    writeSync(1, `${line}\n`)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) process.exitCode = 1
  }
}
