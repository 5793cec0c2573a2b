/** Writes and clears the note in a host's lock file. Only the holder of the lock may do so. Errors are those of `openPrivate`. */
import { closeSync, constants, ftruncateSync, writeSync } from "node:fs"
import { openPrivate } from "@signalbox/node/PrivateFile"
import type { WrittenNote } from "../HostNote.ts"

/** Writes one line in one write, so that a reader sees the old note or the new one. */
export const writeHostNote = (lockPath: string, note: WrittenNote): void => {
  const { ownPid: pid, ...rest } = note
  const line = Buffer.from(`${JSON.stringify({ pid, ...rest })}\n`)
  const fd = openPrivate(lockPath, constants.O_RDWR)
  try {
    writeSync(fd, line, 0, line.length, 0)
    // Readers ignore the rest of a longer old line, which this removes.
    ftruncateSync(fd, line.length)
  } finally {
    closeSync(fd)
  }
}

/** Clears the note before the lock is released. A note that remains is ignored, because no process holds the lock. */
export const clearHostNote = (lockPath: string): void => {
  try {
    const fd = openPrivate(lockPath, constants.O_RDWR)
    try {
      ftruncateSync(fd, 0)
    } finally {
      closeSync(fd)
    }
  } catch {}
}
