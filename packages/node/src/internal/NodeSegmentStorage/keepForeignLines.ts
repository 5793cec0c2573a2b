/** Keeps foreign lines in one file of at most 1 MiB, for people, who may delete it. */
import { appendFileSync, closeSync, constants } from "node:fs"
import { openPrivate } from "../../PrivateFile.ts"
import { sizeOf } from "../SegmentFiles.ts"

const maxBytes = 1_048_576

/** Returns the number of lines that fitted. */
export const keepForeignLines = (path: string, lines: ReadonlyArray<string>): number => {
  let room = maxBytes - sizeOf(path)
  const kept: Array<string> = []
  for (const line of lines) {
    const bytes = Buffer.byteLength(line) + 1
    if (bytes > room) break
    room -= bytes
    kept.push(line)
  }
  if (kept.length > 0) append(path, `${kept.join("\n")}\n`)
  return kept.length
}

const append = (path: string, text: string): void => {
  const fd = openPrivate(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT)
  try {
    appendFileSync(fd, text)
  } finally {
    closeSync(fd)
  }
}
