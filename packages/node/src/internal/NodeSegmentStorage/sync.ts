/** Makes segments and their names durable. The thread pool waits for the disk, never the thread that records. */
import { promises } from "node:fs"
import { dirname } from "node:path"
import { codeOf } from "../interruptions.ts"
import { isMissing, type SegmentPaths } from "../SegmentFiles.ts"

/** Opens the segment again: the descriptor that appends may be closed at any time. */
export const syncSegment = async (at: SegmentPaths, name: string): Promise<void> => {
  let file: promises.FileHandle
  try {
    file = await promises.open(at.entries(name), "r")
  } catch (error) {
    if (isMissing(error)) return
    throw error
  }
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
  await syncDirectory(at.directory)
  // The first entry creates the directory.
  await syncDirectory(dirname(at.directory))
}

/** Some file systems cannot sync a directory (`EINVAL`, `EBADF`). */
export const syncDirectory = async (directory: string): Promise<void> => {
  const handle = await promises.open(directory, "r")
  try {
    await handle.sync()
  } catch (error) {
    if (codeOf(error) !== "EINVAL" && codeOf(error) !== "EBADF") throw error
  } finally {
    await handle.close()
  }
}
