/** The writer's side: one descriptor in append mode, under a shared lock. */
import { closeSync, constants, existsSync, mkdirSync, openSync, writeSync } from "node:fs"
import type { OpenFailure, SegmentAppender } from "@signalbox/core/SegmentStorage"
import type { Flock } from "../../Flock.ts"
import { codeOf, isMissing, type Places, stands } from "../../SegmentFiles.ts"

const replaced: OpenFailure = { _tag: "Replaced" }

/**
 * Opens, locks, and then looks whether the path still names what was opened and no roll-up has taken its place: between opening and
 * locking somebody may have finished with the segment.
 */
export const openAppender = (
  at: Places,
  name: string,
  lock: Flock["Service"] | undefined,
): SegmentAppender | OpenFailure => {
  const path = at.entries(name)
  try {
    if (existsSync(at.rollUp(name))) return replaced
    const fd = openForAppend(at.directory, path)
    try {
      const isOurs = lock === undefined || (isFree(lock, fd) && stands(fd, path) && !existsSync(at.rollUp(name)))
      if (isOurs) return appender(fd, path)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    closeSync(fd)
    return replaced
  } catch (error) {
    return { _tag: "Failed", code: codeOf(error) }
  }
}

/** A file system without locks protects nothing from anybody: appending there is as safe as where there is no flock at all. */
const isFree = (lock: Flock["Service"], fd: number): boolean => {
  try {
    return lock.tryLockSync(fd, "shared")
  } catch {
    return true
  }
}

const openForAppend = (directory: string, path: string): number => {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT
  try {
    return openSync(path, flags, 0o600)
  } catch (error) {
    if (!isMissing(error)) throw error
    // Somebody tidied up: an empty ledger is no reason to lose entries.
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return openSync(path, flags, 0o600)
  }
}

const appender = (fd: number, path: string): SegmentAppender => {
  let isOpen = true
  return {
    append: (text) => {
      try {
        // Characters are bytes: the port takes ASCII only.
        const written = writeSync(fd, text)
        return written === text.length ? undefined : { code: "ENOSPC", written }
      } catch (error) {
        return { code: codeOf(error), written: 0 }
      }
    },
    isDetached: () => !stands(fd, path),
    close: () => {
      if (isOpen) closeSync(fd)
      isOpen = false
    },
  }
}
