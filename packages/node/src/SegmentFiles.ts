/** The directory: what its files are called, what is there, and reading from an offset. All synchronous; a piece is small. */
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { segmentHour } from "@signalbox/core/SegmentName"
import type { SegmentChunk, SegmentListing } from "@signalbox/core/SegmentStorage"

export interface Places {
  readonly directory: string
  readonly entries: (name: string) => string
  readonly rollUp: (name: string) => string
  /** A roll-up that is being written; only who holds the segment exclusively touches it. */
  readonly unfinished: (name: string) => string
  readonly aside: string
}

const entriesEnding = ".entries"
const rollUpEnding = ".minutes"
const unfinishedEnding = ".minutes.tmp"

export const places = (directory: string): Places => ({
  directory,
  entries: (name) => join(directory, name + entriesEnding),
  rollUp: (name) => join(directory, name + rollUpEnding),
  unfinished: (name) => join(directory, name + unfinishedEnding),
  aside: join(directory, "foreign.lines"),
})

/** How old a directory's last change must be for its time stamp to tell it from the next one. */
const settledMillis = 2000

/** Lists the directory only if it may have changed: looking again is one `stat`. */
export const lister = (directory: string): (() => SegmentListing) => {
  let known: { readonly changed: bigint; readonly listing: SegmentListing } | undefined
  return () => {
    const changed = statSync(directory, { bigint: true, throwIfNoEntry: false })?.mtimeNs
    if (changed === undefined) return listingOf([])
    if (known?.changed === changed) return known.listing
    const listing = listTwice(directory)
    known = Date.now() - Number(changed / 1_000_000n) > settledMillis ? { changed, listing } : undefined
    return listing
  }
}

/**
 * A directory that changes while it is read can hide a roll-up that came behind the reader and its segment, which went before it: two
 * readings that agree had no such moment.
 */
const listTwice = (directory: string): SegmentListing => {
  let names = readdirSync(directory)
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const before = names.join("/")
    names = readdirSync(directory)
    if (names.join("/") === before) break
  }
  return listingOf(names)
}

const attemptsMax = 10

const listingOf = (files: ReadonlyArray<string>): SegmentListing => {
  const named = (ending: string): ReadonlySet<string> =>
    new Set(
      files
        .filter((file) => file.endsWith(ending))
        .map((file) => file.slice(0, -ending.length))
        .filter((name) => segmentHour(name) !== undefined),
    )
  return { entries: named(entriesEnding), rollUps: named(rollUpEnding) }
}

const pieceMaxBytes = 262_144
const newline = 10

/** The lines from `offset` on; with `unfinished` what follows the last newline too. */
export const readPiece = (path: string, offset: number, unfinished: boolean): SegmentChunk | undefined => {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    const { birthtimeMs, dev, ino, size } = fstatSync(fd)
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(pieceMaxBytes, size - offset)))
    const length = readFully(fd, buffer, offset)
    const atEnd = offset + length >= size
    const end = buffer.subarray(0, length).lastIndexOf(newline) + 1
    // A line longer than a piece is none of ours: it goes in parts, so that what follows it is reached.
    const isWhole = (atEnd && unfinished) || (end === 0 && length === pieceMaxBytes)
    const bytes = isWhole ? length : end
    // Inode numbers are used again, and a file that is shorter than what was read of it is another file.
    const id = `${dev}:${ino}:${birthtimeMs}${size < offset ? ":cut" : ""}`
    return { id, text: buffer.toString("utf8", 0, bytes), next: offset + bytes, atEnd }
  } finally {
    closeSync(fd)
  }
}

const readFully = (fd: number, buffer: Buffer, offset: number): number => {
  let length = 0
  while (length < buffer.length) {
    const count = readSync(fd, buffer, length, buffer.length - length, offset + length)
    if (count === 0) break
    length += count
  }
  return length
}

export const readWhole = (path: string): string | undefined => {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    return readFileSync(fd, "utf8")
  } finally {
    closeSync(fd)
  }
}

const openIfThere = (path: string): number | undefined => {
  try {
    return openSync(path, "r")
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT"

/** Bytes that the file takes from the disk's capacity; none if it is missing. */
export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

export const removeIfThere = (path: string): void => rmSync(path, { force: true })

/** The path names the open file. */
export const stands = (fd: number, path: string): boolean => {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there === undefined) return false
  const open = fstatSync(fd)
  return there.ino === open.ino && there.dev === open.dev
}

/** `ENOENT`, `EACCES` …; `EIO` for what is no system error. */
export const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "EIO"
