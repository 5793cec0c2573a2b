/**
 * Effect's `FileSystem` for small files on a local disk, such as the configuration document: operations that take the kernel microseconds run
 * synchronously, because a trip through the thread pool costs ten times as much and a configuration write has about fifty of them. `sync`, which waits
 * for the disk, and everything that is not listed here stay asynchronous. File locks, renames by exchange and the ledger work on this thread as well.
 */
import {
  type BigIntStats,
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  watch,
  writeSync,
} from "node:fs"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { systemError } from "@signalbox/core/SystemError"
import { ByteSize, Cause, Effect, FileSystem, Layer, Option, PlatformError, Queue, Stream } from "effect"
import { codeOf, maxInterruptions, uninterrupted } from "./interruptions.ts"

/** Replaces the file system in context. */
export const layer: Layer.Layer<FileSystem.FileSystem> = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(
    FileSystem.FileSystem,
    (asynchronous): FileSystem.FileSystem => ({
      ...asynchronous,
      // libuv repeats other interrupted calls itself.
      readFile: (path) => repeatInterrupted(asynchronous.readFile(path)),
      readFileString: (path, encoding) => repeatInterrupted(asynchronous.readFileString(path, encoding)),
      ...synchronous,
    }),
  ),
).pipe(Layer.provide(NodeFileSystem.layer))

const attempt = <A>(method: string, path: string, run: () => A): Effect.Effect<A, PlatformError.PlatformError> =>
  Effect.try({ try: () => uninterrupted(run), catch: (error) => toPlatformError(method, path, error) })

/** For several calls in a row: each of them is repeated by itself. */
const attemptOnce = <A>(method: string, path: string, run: () => A): Effect.Effect<A, PlatformError.PlatformError> =>
  Effect.try({ try: run, catch: (error) => toPlatformError(method, path, error) })

const repeatInterrupted = <A>(effect: Effect.Effect<A, PlatformError.PlatformError>) =>
  Effect.retry(effect, {
    times: maxInterruptions,
    while: ({ reason }) => reason._tag !== "BadArgument" && codeOf(reason.cause) === "EINTR",
  })

const synchronous = {
  chmod: (path, mode) => attempt("chmod", path, () => chmodSync(path, mode)),
  chown: (path, uid, gid) => attempt("chown", path, () => chownSync(path, uid, gid)),
  link: (from, to) => attempt("link", from, () => linkSync(from, to)),
  lstat: (path) => attempt("lstat", path, () => toInfo(lstatSync(path, { bigint: true }))),
  makeDirectory: (path, options) => attempt("makeDirectory", path, () => void mkdirSync(path, { ...options })),
  open: (path, options) =>
    options?.noFollow
      ? Effect.die("noFollow is not supported here")
      : Effect.acquireRelease(
          attempt("open", path, () => openSync(path, options?.flag ?? "r", options?.mode)),
          (fd) => Effect.sync(() => close(fd)),
        ).pipe(Effect.map((fd) => makeFile(path, fd, options?.flag?.startsWith("a") ?? false))),
  readDirectory: (path, options) =>
    attempt("readDirectory", path, () =>
      readdirSync(path, { encoding: "utf8", recursive: options?.recursive ?? false }),
    ),
  readLink: (path) => attempt("readLink", path, () => readlinkSync(path)),
  remove: (path, { force = false, recursive = false } = {}) =>
    attempt("remove", path, () => (recursive || force ? rmSync(path, { force, recursive }) : unlinkSync(path))),
  rename: (from, to) => attempt("rename", from, () => renameSync(from, to)),
  stat: (path) => attempt("stat", path, () => toInfo(statSync(path, { bigint: true }))),
  watch: (path, options) => watchDirectory(path, options?.onReady),
} satisfies Partial<FileSystem.FileSystem>

const makeFile = (path: string, fd: number, append: boolean): FileSystem.File => {
  let position = 0
  const read = (buffer: Uint8Array, { position: from }: FileSystem.File.ReadOptions = {}) => {
    const length = uninterrupted(() => readSync(fd, buffer, 0, buffer.length, Number(from ?? position)))
    if (from === undefined) position += length
    return length
  }
  const write = (buffer: Uint8Array) => {
    const length = uninterrupted(() => writeSync(fd, buffer, 0, buffer.length, append ? null : position))
    position += length
    return length
  }
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: attempt("stat", path, () => toInfo(fstatSync(fd, { bigint: true }))),
    seek: (offset, from) =>
      attempt("seek", path, () => {
        position = from === "start" ? Number(offset) : position + Number(offset)
        return BigInt(position)
      }),
    sync: repeatInterrupted(
      Effect.callback((resume) =>
        fsync(fd, (error) => resume(error === null ? Effect.void : Effect.fail(toPlatformError("sync", path, error)))),
      ),
    ),
    read: (buffer, options) => attemptOnce("read", path, () => read(buffer, options)),
    readAlloc: (size, options) =>
      attemptOnce("readAlloc", path, () => {
        const buffer = Buffer.allocUnsafeSlow(size)
        const length = read(buffer, options)
        return length === 0 ? Option.none() : Option.some(buffer.subarray(0, length))
      }),
    truncate: (length) => attempt("truncate", path, () => ftruncateSync(fd, length ?? 0)),
    write: (buffer) => attemptOnce("write", path, () => write(buffer)),
    writeAll: (buffer) =>
      attemptOnce("writeAll", path, () => {
        for (let rest = buffer; rest.length > 0; ) {
          const length = write(rest)
          if (length === 0) throw Object.assign(new Error("write wrote nothing"), { code: "ENOSPC" })
          rest = rest.subarray(length)
        }
      }),
  }
}

/** A failed close has closed the file as well (`close(2)`), and writers have synced before. */
const close = (fd: number): void => {
  try {
    closeSync(fd)
  } catch {}
}

/** Watches without a stat of each name: a listener that compares the document needs none. */
const watchDirectory = (
  path: string,
  onReady: (() => void) | undefined,
): Stream.Stream<FileSystem.WatchEvent, PlatformError.PlatformError> =>
  Stream.callback<FileSystem.WatchEvent, PlatformError.PlatformError>(
    (queue) =>
      Effect.acquireRelease(
        attempt("watch", path, () => {
          const watcher = watch(path, (_, name) => {
            if (name) Queue.offerUnsafe(queue, { _tag: "Update", path: name })
          })
          watcher.on("error", (error) =>
            Queue.failCauseUnsafe(queue, Cause.fail(toPlatformError("watch", path, error))),
          )
          watcher.on("close", () => Queue.endUnsafe(queue))
          onReady?.()
          return watcher
        }),
        (watcher) => Effect.sync(() => watcher.close()),
      ),
    { bufferSize: 16, strategy: "sliding" },
  )

const toInfo = (stats: BigIntStats): FileSystem.File.Info => ({
  type: typeOf(stats),
  mtime: Option.some(stats.mtime),
  atime: Option.some(stats.atime),
  birthtime: Option.some(stats.birthtime),
  // Node reads unsigned numbers as signed ones.
  dev: BigInt.asUintN(64, stats.dev),
  rdev: Option.some(BigInt.asUintN(64, stats.rdev)),
  ino: Option.some(BigInt.asUintN(64, stats.ino)),
  mode: Number(stats.mode),
  nlink: Option.some(stats.nlink),
  uid: Option.some(Number(stats.uid)),
  gid: Option.some(Number(stats.gid)),
  size: ByteSize.bytes(stats.size),
  blksize: Option.some(ByteSize.bytes(stats.blksize)),
  blocks: Option.some(stats.blocks),
})

const typeOf = (stats: BigIntStats): FileSystem.File.Type => {
  if (stats.isFile()) return "File"
  if (stats.isDirectory()) return "Directory"
  if (stats.isSymbolicLink()) return "SymbolicLink"
  if (stats.isFIFO()) return "FIFO"
  if (stats.isSocket()) return "Socket"
  if (stats.isBlockDevice()) return "BlockDevice"
  return stats.isCharacterDevice() ? "CharacterDevice" : "Unknown"
}

const toPlatformError = (method: string, path: string, error: unknown): PlatformError.PlatformError =>
  error instanceof Error && "code" in error
    ? systemError(error, { module: "FileSystem", method, pathOrDescriptor: path })
    : PlatformError.badArgument({ module: "FileSystem", method, description: String(error) })
