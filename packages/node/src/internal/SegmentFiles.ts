/** The directory of segments: file names, listing, and reading from an offset. All operations are synchronous and read small pieces. */
import { closeSync, constants, fstatSync, readdirSync, readFileSync, readSync, rmSync, statSync } from "node:fs"
import { join } from "node:path"
import { segmentHour } from "@signalbox/core/SegmentName"
import type { SegmentChunk, SegmentListing } from "@signalbox/core/SegmentStorage"
import { foreignOwnerOf, openPrivate, UntrustedFile } from "../PrivateFile.ts"
import { uninterrupted } from "./interruptions.ts"

export interface SegmentPaths {
  readonly directory: string
  readonly entries: (name: string) => string
  readonly rollUp: (name: string) => string
  /** A roll-up that is being written. Only the exclusive holder of the segment uses it. */
  readonly unfinished: (name: string) => string
  /** Lines that no reader understands. */
  readonly foreignLines: string
}

const entriesEnding = ".entries"
const rollUpEnding = ".minutes"
const unfinishedEnding = ".minutes.tmp"

export const segmentPaths = (directory: string): SegmentPaths => ({
  directory,
  entries: (name) => join(directory, name + entriesEnding),
  rollUp: (name) => join(directory, name + rollUpEnding),
  unfinished: (name) => join(directory, name + unfinishedEnding),
  foreignLines: join(directory, "foreign.lines"),
})

/** The age of a directory's last change after which its time stamp differs from that of the next change. */
const settledMillis = 2000

/** Lists the directory only if it may have changed; otherwise one `stat` is sufficient. */
export const makeLister = (directory: string): (() => SegmentListing) => {
  let known: { readonly changed: bigint; readonly listing: SegmentListing } | undefined
  return () => {
    const changed = statSync(directory, { bigint: true, throwIfNoEntry: false })?.mtimeNs
    if (changed === undefined) return listingOf([])
    if (known?.changed === changed) return known.listing
    requireTrusted(directory)
    const listing = listTwice(directory)
    known = Date.now() - Number(changed / 1_000_000n) > settledMillis ? { changed, listing } : undefined
    return listing
  }
}

/** Throws `UntrustedFile` if the directory, or a link to it, belongs to another user. */
export const requireTrusted = (directory: string): void => {
  const problem = foreignOwnerOf(directory)
  if (problem !== undefined) throw new UntrustedFile("EPERM", problem)
}

/**
 * A directory that changes during a listing can hide both a new roll-up and its removed segment. Two equal listings in a row had no such change.
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

/** Reads the lines from `offset` on; with `unfinished` also the text after the last newline. */
export const readPiece = (path: string, offset: number, unfinished: boolean): SegmentChunk | undefined => {
  const fd = openIfThere(path)
  if (fd === undefined) return undefined
  try {
    const { birthtimeMs, dev, ino, size } = fstatSync(fd)
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(pieceMaxBytes, size - offset)))
    const length = readFully(fd, buffer, offset)
    const atEnd = offset + length >= size
    const end = buffer.subarray(0, length).lastIndexOf(newline) + 1
    // A line longer than a piece is foreign. It is returned in parts, so that the next lines are reached.
    const isWhole = (atEnd && unfinished) || (end === 0 && length === pieceMaxBytes)
    const bytes = isWhole ? length : end
    // Inode numbers are reused, and a file shorter than the offset is another file.
    const id = `${dev}:${ino}:${birthtimeMs}${size < offset ? ":cut" : ""}`
    return { id, text: buffer.toString("utf8", 0, bytes), next: offset + bytes, atEnd }
  } finally {
    closeSync(fd)
  }
}

const readFully = (fd: number, buffer: Buffer, offset: number): number => {
  let length = 0
  while (length < buffer.length) {
    const count = uninterrupted(() => readSync(fd, buffer, length, buffer.length - length, offset + length))
    if (count === 0) break
    length += count
  }
  return length
}

export const readWhole = (path: string): string | undefined =>
  uninterrupted(() => {
    const fd = openIfThere(path)
    if (fd === undefined) return undefined
    try {
      return readFileSync(fd, "utf8")
    } finally {
      closeSync(fd)
    }
  })

const openIfThere = (path: string): number | undefined => {
  try {
    return openPrivate(path, constants.O_RDONLY)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT"

/** The bytes of the file on disk; 0 if it is missing. */
export const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

export const removeIfThere = (path: string): void => rmSync(path, { force: true })

/** Whether the path names the open file. */
export const leadsTo = (fd: number, path: string): boolean => {
  const there = statSync(path, { throwIfNoEntry: false })
  if (there === undefined) return false
  const open = fstatSync(fd)
  return there.ino === open.ino && there.dev === open.dev
}
