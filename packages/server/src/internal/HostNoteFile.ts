/** Writes and clears the note in a host's lock file. Only the holder of the lock may do so. Errors are those of `openPrivate`. */
import { closeSync, constants, ftruncateSync, writeSync } from "node:fs"
import { openPrivate } from "@signalbox/node/PrivateFile"
import type { HostNote } from "../HostNote.ts"

/** Writes one line in one write, so that a reader sees the old note or the new one. */
export const writeHostNote = (lockPath: string, note: HostNote): void => {
  const { document, pid, startedAt, url, version } = note
  const line = Buffer.from(`${JSON.stringify({ pid, document, url, version, startedAt })}\n`)
  const fd = openPrivate(lockPath, constants.O_RDWR)
  try {
    writeSync(fd, line, 0, line.length, 0)
    // Readers ignore the rest of a longer old line, which this removes.
    ftruncateSync(fd, line.length)
  } finally {
    closeSync(fd)
  }
}

/** Clears the note before the lock is released. A note that remains has a dead pid soon. */
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
