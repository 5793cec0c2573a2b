/** Reading a whole text with a bound, and writing one so that it is whole and on the disk before anybody can find it. */
import { ByteSize, Bytes, Effect, type FileSystem, Option, Random } from "effect"
import { SourceUnavailable } from "../ConfigError.ts"
import { temporaryOf } from "./Names.ts"
import { sameFile } from "./Place.ts"
import { codeOf, type Site, unavailable } from "./Site.ts"
import * as Utf8 from "./Utf8.ts"

/** A configuration of this size is a mistake, and reading it would stall the program. */
export const MAX_BYTES = 16 * 1024 * 1024

export interface Found {
  readonly text: string
  readonly hash: string
  /** Of the very file that was read, whatever has its name now. */
  readonly info: FileSystem.File.Info
}

/** Refuses what is not a file (`EISDIR`, `EINVAL`), too big (`EFBIG`) or not UTF-8 (`EILSEQ`): writing such a text back would destroy it. */
export const readText = Effect.fnUntraced(function* (
  site: Site,
  file: string,
): Effect.fn.Return<Found, SourceUnavailable> {
  const refuse = (code: string, detail: string) =>
    Effect.fail(new SourceUnavailable({ path: file, code, detail: `${file} ${detail}` }))
  const failed = Effect.mapError(unavailable(file))
  // Before opening: opening a FIFO would wait for a writer.
  const { type } = yield* failed(site.fs.stat(file))
  if (type === "Directory") return yield* refuse("EISDIR", "is a directory")
  if (type !== "File") return yield* refuse("EINVAL", `is no regular file but a ${type}`)
  const { bytes, info } = yield* failed(Effect.scoped(readBytes(site, file)))
  if (bytes.length > MAX_BYTES) return yield* refuse("EFBIG", `is larger than ${MAX_BYTES} bytes`)
  const text = Utf8.decode(bytes)
  if (Option.isNone(text)) return yield* refuse("EILSEQ", "is not UTF-8 text")
  return { text: text.value, hash: yield* site.hashBytes(Utf8.encode(text.value)), info }
})

/** An editor that writes in place may do so while we read; what it left unfinished is read again. */
const MAX_READS = 5

const readBytes = Effect.fnUntraced(function* ({ fs }: Site, file: string) {
  const handle = yield* fs.open(file, { flag: "r" })
  let info = yield* handle.stat
  for (let reads = 1; ; reads++) {
    const bytes = yield* readOnce(handle, info)
    const after = yield* handle.stat
    const stood = Number(ByteSize.toBigInt(after.size)) === bytes.length && sameFile(info, after)
    if (stood || bytes.length > MAX_BYTES || reads === MAX_READS) return { bytes, info: after }
    info = after
  }
})

const readOnce = Effect.fnUntraced(function* (handle: FileSystem.File, info: FileSystem.File.Info) {
  const parts: Array<Uint8Array> = []
  let length = 0
  // One byte more than expected, so that a file which stands still is read in one piece.
  let size = Math.min(Number(ByteSize.toBigInt(info.size)), MAX_BYTES) + 1
  while (length <= MAX_BYTES) {
    const part = yield* handle.readAlloc(size, { position: BigInt(length) })
    if (Option.isNone(part)) break
    parts.push(part.value)
    length += part.value.length
    size = 64 * 1024
  }
  return Bytes.concat(parts)
})

/** All that writing needs. */
export type Disk = Pick<Site, "fs" | "path">

export interface TemporaryOptions {
  /** The name of the document that it will be, or be a version of. */
  readonly document: string
  /** Whose the file should be, if we may give it away. */
  readonly owner?: FileSystem.File.Info | undefined
}

/**
 * A new file in `directory`, 0600, every byte of it synced; no larger than what is read (`EFBIG`). Where anything fails there is none: a sync that failed is not tried again on the
 * same file, since the kernel has already forgotten the pages that it could not write.
 */
export const writeTemporary = Effect.fnUntraced(function* (
  { fs, path }: Disk,
  directory: string,
  text: string,
  { document, owner }: TemporaryOptions,
): Effect.fn.Return<string, SourceUnavailable> {
  const file = path.join(directory, temporaryOf(document, yield* token))
  const bytes = Utf8.encode(text)
  if (bytes.length > MAX_BYTES) {
    const detail = `${bytes.length} bytes are more than the ${MAX_BYTES} that would be read again`
    return yield* Effect.fail(new SourceUnavailable({ path: path.join(directory, document), code: "EFBIG", detail }))
  }
  const write = Effect.gen(function* () {
    const handle = yield* fs.open(file, { flag: "wx", mode: 0o600 })
    yield* handle.writeAll(bytes)
    if (owner !== undefined) yield* giveTo(fs, file, yield* handle.stat, owner)
    yield* handle.sync
  })
  yield* Effect.scoped(write).pipe(
    Effect.onError(() => Effect.ignore(fs.remove(file))),
    // Nobody knows the temporary file.
    Effect.mapError(unavailable(path.join(directory, document))),
  )
  return file
})

/** Only root may give files away; for everybody else the file becomes the writer's own, as with every editor that replaces files. */
const giveTo = (fs: FileSystem.FileSystem, file: string, own: FileSystem.File.Info, owner: FileSystem.File.Info) => {
  const [uid, gid] = [Option.getOrUndefined(owner.uid), Option.getOrUndefined(owner.gid)]
  if (uid === undefined || gid === undefined) return Effect.void
  if (uid === Option.getOrUndefined(own.uid) && gid === Option.getOrUndefined(own.gid)) return Effect.void
  return Effect.catchIf(
    fs.chown(file, uid, gid),
    ({ reason }) => reason._tag === "PermissionDenied",
    () => Effect.void,
  )
}

const token = Effect.map(Random.nextIntBetween(0, 2 ** 48), (number) => number.toString(36).padStart(10, "0"))

/** Some file systems cannot sync a directory at all, and say EINVAL or EBADF; like PostgreSQL we take that for its best. */
export const syncDirectory = Effect.fnUntraced(function* (
  { fs }: Pick<Disk, "fs">,
  directory: string,
): Effect.fn.Return<void, SourceUnavailable> {
  const sync = Effect.scoped(Effect.flatMap(fs.open(directory, { flag: "r" }), (handle) => handle.sync))
  yield* Effect.catch(sync, (error) =>
    ["EINVAL", "EBADF"].includes(codeOf(error)) ? Effect.void : Effect.fail(unavailable(directory)(error)),
  )
})

/** Creates what is missing, 0700, and each name in its parent durably. */
export const makeDirectories = (site: Disk, directory: string): Effect.Effect<void, SourceUnavailable> =>
  Effect.gen(function* () {
    if (yield* isDirectory(site, directory)) return
    const parent = site.path.dirname(directory)
    if (parent !== directory) yield* makeDirectories(site, parent)
    yield* Effect.catch(site.fs.makeDirectory(directory, { mode: 0o700 }), (error) =>
      Effect.flatMap(isDirectory(site, directory), (there) =>
        there ? Effect.void : Effect.fail(unavailable(directory)(error)),
      ),
    )
    yield* syncDirectory(site, parent)
  })

const isDirectory = ({ fs }: Disk, directory: string): Effect.Effect<boolean> =>
  Effect.match(fs.stat(directory), { onFailure: () => false, onSuccess: ({ type }) => type === "Directory" })
