/**
 * Replaces whole files: readers, a `kill -9` and a power cut see the old content or the new, never a part of either. The new content is written
 * to a temporary file beside the old one, synced, and put in place by an exchange or a rename; then the directory is synced. It takes no lock:
 * a caller with other writers holds a `FileLock` around these operations.
 */
import { Effect, FileSystem, Option, Path, type PlatformError, Random } from "effect"
import { type Exchange, FileExchange } from "./FileExchange.ts"
import { FileLock } from "./FileLock.ts"
import { sameInode } from "./internal/FileIdentity.ts"
import { displacedName, fileOfTemporary, isDisplaced, isTemporary, temporaryName } from "./internal/LeftoverNames.ts"
import * as Utf8 from "./internal/Utf8.ts"

/** Options for new content. */
export interface WriteOptions {
  /** `false` leaves out both syncs: a power cut may then leave an empty file. Default `true`. */
  readonly durable?: boolean | undefined
  /** Gives the new file the owner and group of this one, where the process has the right to. */
  readonly owner?: FileSystem.File.Info | undefined
}

/** What `exchange` did. */
export type Exchanged =
  /** The new content is in place; `displaced` names the file that was there until that instant, if the file system could keep it. */
  | { readonly _tag: "Replaced"; readonly displaced: string | undefined }
  /** Another program removed or replaced the file in that instant. Nothing was changed and the temporary file is gone. */
  | { readonly _tag: "Moved" }

/** Operations that replace a file. All fail with the `PlatformError` of the operation that failed, and remove their temporary file then. */
export interface AtomicFile {
  /** Replaces the content of `file`, or creates it: mode 0600, synced, and its name synced. */
  readonly write: (
    file: string,
    content: string | Uint8Array,
    options?: WriteOptions,
  ) => Effect.Effect<void, PlatformError.PlatformError>
  /** Writes and syncs a temporary file beside `file` and returns its path. The caller puts it in place or removes it. */
  readonly prepare: (
    file: string,
    content: string | Uint8Array,
    options?: WriteOptions,
  ) => Effect.Effect<string, PlatformError.PlatformError>
  /**
   * Puts a prepared file in the place of an existing `file`, which must not be a symbolic link, and keeps what it displaced. An editor that saves
   * in the same instant loses nothing where the file system can exchange two names.
   */
  readonly exchange: (
    temporary: string,
    file: string,
    hashes: { readonly before: string; readonly after: string },
  ) => Effect.Effect<Exchanged, PlatformError.PlatformError>
  /** Gives a prepared file the name `file` if that name is free, and returns whether it was. */
  readonly create: (temporary: string, file: string) => Effect.Effect<boolean, PlatformError.PlatformError>
  /** Makes changes of names in `directory` durable. File systems that cannot sync a directory (`EINVAL`, `EBADF`) are taken at their best. */
  readonly syncDirectory: (directory: string) => Effect.Effect<void, PlatformError.PlatformError>
  /** Creates a directory and its missing parents, 0700, each name durable. */
  readonly makeDirectory: (directory: string) => Effect.Effect<void, PlatformError.PlatformError>
  /** Removes the unfinished temporary files of `file` that a dead process left. The caller must be the only writer of `file`. Never fails. */
  readonly sweep: (file: string) => Effect.Effect<void>
}

/**
 * Makes the operations on the file system in context; the `FileExchange` in context decides how files change places.
 *
 * **Example** (Replacing a file)
 *
 * ```ts
 * import { AtomicFile } from "@signalbox/core"
 * import { Signalbox } from "@signalbox/node"
 * import { Effect, FileSystem } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const fs = yield* FileSystem.FileSystem
 *   const { write } = yield* AtomicFile.make
 *   const file = `${yield* fs.makeTempDirectoryScoped()}/state.json`
 *   yield* write(file, `{"state":1}`)
 *   yield* write(file, `{"state":2}`)
 *   return yield* fs.readFileString(file)
 * })
 *
 * const text = await Effect.runPromise(program.pipe(Effect.scoped, Effect.provide(Signalbox.layerPlatform)))
 * if (text !== `{"state":2}`) throw new Error(text)
 * ```
 */
export const make: Effect.Effect<AtomicFile, never, FileSystem.FileSystem | Path.Path> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const swap = yield* FileExchange
  const discard = (file: string) => Effect.ignore(fs.remove(file, { force: true }))

  const prepare: AtomicFile["prepare"] = Effect.fnUntraced(function* (file, content, { durable = true, owner } = {}) {
    const temporary = path.join(path.dirname(file), temporaryName(path.basename(file), yield* randomName))
    const bytes = typeof content === "string" ? Utf8.encode(content) : content
    const write = Effect.gen(function* () {
      const handle = yield* fs.open(temporary, { flag: "wx", mode: 0o600 })
      yield* handle.writeAll(bytes)
      if (owner !== undefined) yield* giveTo(fs, temporary, yield* handle.stat, owner)
      // A sync that failed is not repeated on the same file: the kernel has already forgotten the pages that it could not write.
      if (durable) yield* handle.sync
    })
    yield* Effect.onError(Effect.scoped(write), () => Effect.ignore(fs.remove(temporary)))
    return temporary
  })

  const syncDirectory: AtomicFile["syncDirectory"] = (directory) =>
    Effect.scoped(Effect.flatMap(fs.open(directory, { flag: "r" }), (handle) => handle.sync)).pipe(
      Effect.catchIf(
        (error) => errorCode(error) === "EINVAL" || errorCode(error) === "EBADF",
        () => Effect.void,
      ),
    )

  const makeDirectory = (directory: string): Effect.Effect<void, PlatformError.PlatformError> =>
    Effect.gen(function* () {
      if (yield* isDirectory(fs, directory)) return
      const parent = path.dirname(directory)
      if (parent !== directory) yield* makeDirectory(parent)
      yield* Effect.catch(fs.makeDirectory(directory, { mode: 0o700 }), (error) =>
        Effect.flatMap(isDirectory(fs, directory), (exists) => (exists ? Effect.void : Effect.fail(error))),
      )
      yield* syncDirectory(parent)
    })

  return {
    prepare,
    syncDirectory,
    makeDirectory,
    write: Effect.fn("AtomicFile.write")(function* (
      file: string,
      content: string | Uint8Array,
      options?: WriteOptions,
    ) {
      const temporary = yield* prepare(file, content, options)
      yield* Effect.onError(fs.rename(temporary, file), () => discard(temporary))
      if (options?.durable !== false) yield* syncDirectory(path.dirname(file))
    }, Effect.uninterruptible),
    exchange: (temporary, file, { after, before }) => {
      const names: Names = { temporary, file, displaced: displacedName(temporary, before, after) }
      return (swap === undefined ? byLink(fs, names) : byExchange(fs, names, swap)).pipe(
        Effect.onExit((exit) =>
          exit._tag === "Success" && exit.value._tag === "Replaced"
            ? Effect.void
            : Effect.andThen(discard(temporary), discard(names.displaced)),
        ),
      )
    },
    create: (temporary, file) => Effect.ensuring(link(fs, temporary, file), discard(temporary)),
    sweep: (file) => {
      const directory = path.dirname(file)
      return Effect.gen(function* () {
        for (const name of yield* fs.readDirectory(directory)) {
          if (isTemporary(path.basename(file), name)) yield* discard(path.join(directory, name))
        }
      }).pipe(Effect.ignore)
    },
  }
})

/** Whether `name` is a temporary or displaced file that a replacement of `file` (both without directory) left, or uses now. */
export const isLeftover = (file: string, name: string): boolean => isTemporary(file, name) || isDisplaced(file, name)

/** Whether `name` is a temporary file that a replacement of any file left, or uses now. */
export const isAnyTemporary = (name: string): boolean => fileOfTemporary(name) !== undefined

/**
 * Removes the unfinished temporary files of all files of a directory whose writers have died: each under the lock `FILE.lock` of its file, which
 * every writer of it holds. A file without such a lock file, or whose lock is held, is left to its owner. Never fails.
 *
 * **Example** (Sweeping the directory of a program)
 *
 * ```ts
 * import { AtomicFile } from "@signalbox/core"
 * import { Signalbox } from "@signalbox/node"
 * import { Effect } from "effect"
 *
 * await Effect.runPromise(Effect.provide(AtomicFile.sweepDirectory("/no/such/directory"), Signalbox.layerPlatform))
 * ```
 */
export const sweepDirectory = Effect.fnUntraced(function* (
  directory: string,
): Effect.fn.Return<void, never, FileSystem.FileSystem | Path.Path | FileLock> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const locks = yield* FileLock
  const { sweep } = yield* make
  const names = yield* Effect.orElseSucceed(fs.readDirectory(directory), (): ReadonlyArray<string> => [])
  for (const file of new Set(names.flatMap((name) => fileOfTemporary(name) ?? []))) {
    if (!names.includes(`${file}.lock`)) continue
    const swept = sweep(path.join(directory, file))
    yield* Effect.ignore(locks.withLock(path.join(directory, `${file}.lock`), { timeout: 0 })(swept))
  }
})

/** The code of the operating system, such as `ENOSPC`. Platforms put it into the cause or the description, or give only a tag. */
export const errorCode = ({ reason }: PlatformError.PlatformError): string => {
  if (reason._tag === "BadArgument") return "EINVAL"
  const { cause, description } = reason
  if (typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string")
    return cause.code
  return /^E[A-Z0-9]+/.exec(description ?? "")?.[0] ?? codes[reason._tag]
}

const codes: Readonly<Record<PlatformError.SystemErrorTag, string>> = {
  AlreadyExists: "EEXIST",
  BadResource: "EBADF",
  Busy: "EBUSY",
  InvalidData: "EINVAL",
  NotFound: "ENOENT",
  PermissionDenied: "EACCES",
  TimedOut: "ETIMEDOUT",
  UnexpectedEof: "EIO",
  Unknown: "EIO",
  WouldBlock: "EAGAIN",
  WriteZero: "EIO",
}

/** The error in words for people, without a path: the platform's own message names its function, and may name a temporary file. */
export const errorDetail = (error: PlatformError.PlatformError): string =>
  words[errorCode(error)] ?? "the operating system refused it"

const words: Readonly<Record<string, string>> = {
  EACCES: "this user has no right to do this",
  EPERM: "this user has no right to do this",
  EROFS: "the file system is mounted read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota of this user is used up",
  EBUSY: "another program uses it",
  EEXIST: "it exists already",
  EFBIG: "it would be too large",
  EIO: "the disk has failed",
  EISDIR: "it is a directory",
  ELOOP: "its symbolic links lead nowhere",
  EMFILE: "this process has too many open files",
  ENAMETOOLONG: "its name is too long",
  ENFILE: "this machine has too many open files",
  ENODEV: "its file system is gone",
  ENOENT: "it does not exist",
  ENOTDIR: "a part of the path is no directory",
  ENXIO: "its file system is gone",
  ESTALE: "its file system is gone",
  ETIMEDOUT: "its file system does not respond",
}

const randomName = Effect.map(Random.nextIntBetween(0, 2 ** 48), (number) => number.toString(36).padStart(10, "0"))

/** Only root may give files away. For other users the file becomes the writer's own, as with every editor that replaces files. */
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

const isDirectory = (fs: FileSystem.FileSystem, directory: string): Effect.Effect<boolean> =>
  Effect.match(fs.stat(directory), { onFailure: () => false, onSuccess: ({ type }) => type === "Directory" })

interface Names {
  readonly temporary: string
  readonly file: string
  readonly displaced: string
}

type Exchanging = Effect.Effect<Exchanged, PlatformError.PlatformError>

const moved: Exchanged = { _tag: "Moved" }

/** Atomic: the file that leaves the name is the file that is found under the other name. */
const byExchange = Effect.fnUntraced(function* (fs: FileSystem.FileSystem, names: Names, swap: Exchange) {
  const { displaced, file, temporary } = names
  // Renamed before the exchange: after a crash this name marks a file that may be an editor's last save.
  yield* fs.rename(temporary, displaced)
  const outcome = yield* swap(displaced, file).pipe(
    Effect.as("swapped" as const),
    Effect.catch((error) => {
      if (error._tag === "ExchangeUnsupported") return Effect.succeed("unsupported" as const)
      const code = errorCode(error)
      if (code === "ENOENT") return Effect.succeed("moved" as const)
      // A container's filter refuses system calls that it does not know. If the error is real, the rename reports it again.
      return code === "EPERM" || code === "EACCES" ? Effect.succeed("unsupported" as const) : Effect.fail(error)
    }),
  )
  if (outcome === "swapped") return { _tag: "Replaced", displaced } satisfies Exchanged
  if (outcome === "moved") return moved
  yield* fs.rename(displaced, temporary)
  return yield* byLink(fs, names)
})

/** A second name for the old file, then a rename over the first. A save by rename between these two steps would be lost, so look twice. */
const byLink = (fs: FileSystem.FileSystem, { displaced, file, temporary }: Names): Exchanging =>
  Effect.gen(function* () {
    const linked = yield* fs.link(file, displaced).pipe(
      Effect.as("linked" as const),
      Effect.catch((error) => {
        const code = errorCode(error)
        if (code === "ENOENT") return Effect.succeed("moved" as const)
        return withoutLinks.has(code) ? Effect.succeed("unsupported" as const) : Effect.fail(error)
      }),
    )
    if (linked === "moved") return moved
    if (linked === "linked") {
      const same = yield* Effect.exit(Effect.zipWith(fs.lstat(displaced), fs.lstat(file), sameInode))
      if (same._tag === "Failure" || !same.value) return moved
    }
    yield* fs.rename(temporary, file)
    return { _tag: "Replaced", displaced: linked === "linked" ? displaced : undefined }
  })

const link = (
  fs: FileSystem.FileSystem,
  temporary: string,
  file: string,
): Effect.Effect<boolean, PlatformError.PlatformError> =>
  fs.link(temporary, file).pipe(
    Effect.as(true),
    Effect.catch((error) => {
      const code = errorCode(error)
      if (code === "EEXIST") return Effect.succeed(false)
      if (!withoutLinks.has(code)) return Effect.fail(error)
      return Effect.matchEffect(fs.lstat(file), {
        onSuccess: () => Effect.succeed(false),
        onFailure: () => Effect.as(fs.rename(temporary, file), true),
      })
    }),
  )

/** Errors of link(2) on file systems without hard links, or without permission for them. */
const withoutLinks: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])
