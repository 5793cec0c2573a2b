/** Keeps foreign lines in one file of at most 1 MiB, for people, who may delete it. */
import { appendFileSync } from "node:fs"
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
  if (kept.length > 0) appendFileSync(path, `${kept.join("\n")}\n`, { mode: 0o600 })
  return kept.length
}
