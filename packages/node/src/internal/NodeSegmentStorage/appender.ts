/** The writer's side: one descriptor in append mode, under a shared lock. */
import { closeSync, constants, existsSync, mkdirSync, writeSync } from "node:fs"
import type { OpenFailure, SegmentAppender } from "@signalbox/core/SegmentStorage"
import type { Flock } from "../../Flock.ts"
import { openPrivate, UntrustedFile } from "../../PrivateFile.ts"
import { codeOf } from "../interruptions.ts"
import { isMissing, leadsTo, requireTrusted, type SegmentPaths } from "../SegmentFiles.ts"

const replaced: OpenFailure = { _tag: "Replaced" }

/**
 * Opens and locks the segment, then checks that the path still names it and that no roll-up exists: a compactor may have replaced the segment in
 * between.
 */
export const openAppender = (
  at: SegmentPaths,
  name: string,
  lock: Flock["Service"] | undefined,
): SegmentAppender | OpenFailure => {
  const path = at.entries(name)
  try {
    if (existsSync(at.rollUp(name))) return replaced
    requireTrusted(at.directory)
    const fd = openForAppend(at.directory, path)
    // Another user may have planted a link or a file: the next segment of the hour takes the entry.
    if (fd === undefined) return replaced
    try {
      const isOurs = lock === undefined || (isFree(lock, fd) && leadsTo(fd, path) && !existsSync(at.rollUp(name)))
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

/** On a file system without locks, appending is as safe as without `flock`: nothing is replaced there. */
const isFree = (lock: Flock["Service"], fd: number): boolean => {
  try {
    return lock.tryLockSync(fd, "shared")
  } catch {
    return true
  }
}

/** Returns `undefined` for a file that is not trusted. */
const openForAppend = (directory: string, path: string): number | undefined => {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT
  try {
    return openPrivate(path, flags)
  } catch (error) {
    if (error instanceof UntrustedFile) return undefined
    if (!isMissing(error)) throw error
    // The directory was removed: create it again, so that no entry is lost.
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    return openPrivate(path, flags)
  }
}

const appender = (fd: number, path: string): SegmentAppender => {
  let isOpen = true
  return {
    append: (text) => {
      try {
        // Characters are bytes: the port accepts ASCII only.
        const written = writeSync(fd, text)
        return written === text.length ? undefined : { code: "ENOSPC", written }
      } catch (error) {
        return { code: codeOf(error), written: 0 }
      }
    },
    isDetached: () => !leadsTo(fd, path),
    close: () => {
      if (!isOpen) return
      isOpen = false
      closeSync(fd)
    },
  }
}
