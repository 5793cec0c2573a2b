/** The exclusive lock on a segment, and its replacement in steps. A crash after any step loses no entry. */
import { closeSync, constants, promises } from "node:fs"
import type { ExclusiveSegment, SegmentStorage, SegmentsUnavailable } from "@signalbox/core/SegmentStorage"
import { Effect } from "effect"
import type { Flock } from "../../Flock.ts"
import { openPrivate, UntrustedFile } from "../../PrivateFile.ts"
import { leadsTo, readPiece, type SegmentPaths } from "../SegmentFiles.ts"
import { syncDirectory } from "./sync.ts"

export const exclusively = (
  at: SegmentPaths,
  lock: Flock["Service"] | undefined,
  unavailable: (error: unknown) => SegmentsUnavailable,
): SegmentStorage["Service"]["exclusively"] => {
  const attempt = <A>(f: () => A) => Effect.try({ try: f, catch: unavailable })

  const acquire = Effect.fnUntraced(function* (name: string) {
    const path = at.entries(name)
    const fd = yield* attempt(() => openTrusted(path)).pipe(
      Effect.catchIf(
        (error) => error.code === "ENOENT",
        () => Effect.undefined,
      ),
    )
    if (fd === undefined || lock === undefined) return undefined
    // A file system without locks protects nothing: treat the segment as held.
    const had = yield* Effect.orElseSucceed(lock.tryLock(fd, "exclusive"), () => false)
    const isOurs = had && leadsTo(fd, path)
    if (isOurs) return fd
    closeSync(fd)
    return undefined
  })

  return (name, use) =>
    Effect.acquireUseRelease(
      lock === undefined ? Effect.undefined : acquire(name),
      (fd) => (fd === undefined ? Effect.undefined : use(held(at, name, unavailable))),
      (fd) =>
        Effect.sync(() => {
          if (fd !== undefined) closeSync(fd)
        }),
    )
}

/** A file that another user may have planted is treated as held: it stays as it is. */
const openTrusted = (path: string): number | undefined => {
  try {
    return openPrivate(path, constants.O_RDWR)
  } catch (error) {
    if (error instanceof UntrustedFile) return undefined
    throw error
  }
}

const held = (
  at: SegmentPaths,
  name: string,
  unavailable: (error: unknown) => SegmentsUnavailable,
): ExclusiveSegment => {
  const step = (run: () => Promise<void>) => Effect.uninterruptible(Effect.tryPromise({ try: run, catch: unavailable }))
  const remove = async () => {
    await syncDirectory(at.directory)
    await promises.rm(at.entries(name), { force: true })
    await promises.rm(at.unfinished(name), { force: true })
  }
  return {
    read: (offset) =>
      Effect.try({
        try: () => readPiece(at.entries(name), offset, true) ?? { id: "", text: "", next: offset, atEnd: true },
        catch: unavailable,
      }),
    replace: (rollUp) =>
      step(async () => {
        await writeDurably(at.unfinished(name), rollUp)
        await promises.rename(at.unfinished(name), at.rollUp(name))
        await remove()
      }),
    remove: step(remove),
  }
}

/** Writes and syncs the whole text, or fails without a readable file. */
const writeDurably = async (path: string, text: string): Promise<void> => {
  // Not truncated: another user may have planted a link under this name.
  await promises.rm(path, { force: true })
  const file = await promises.open(path, "wx", 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}
