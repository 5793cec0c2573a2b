/** The simulated volume as an `effect/FileSystem`, with the behaviour of @effect/platform-node where the two could differ. */
import { ByteSize, Effect, FileSystem, Option, PlatformError, Queue, Stream } from "effect"
import { Errno } from "./Errno.ts"
import type { Operation } from "./Gate.ts"
import type { DirectoryNode, FileNode, Inode } from "./Inode.ts"
import type { Location, Volume } from "./Volume.ts"

/** Executes an operation: numbered and with faults, or as a foreign process. `limit` bounds a write. */
export type Perform = <A>(
  about: Omit<Operation, "number">,
  f: (limit: number) => A,
  inode?: Inode,
) => Effect.Effect<A, PlatformError.PlatformError>

export const makeFileSystem = (volume: Volume, perform: Perform, random: () => number): FileSystem.FileSystem => {
  const call = <A>(name: string, path: string, f: () => A, to?: string) =>
    perform({ name, path, ...(to !== undefined && { to }) }, f)

  const open: FileSystem.FileSystem["open"] = (path, options) => {
    const { flag = "r", mode = 0o666, noFollow = false } = options ?? {}
    return Effect.map(
      Effect.acquireRelease(
        call("open", path, () => openInode(volume, path, flag, mode, noFollow)),
        (inode) => Effect.sync(() => void inode.opens--),
      ),
      (inode) => makeFile(volume, perform, path, flag, inode),
    )
  }
  const readFile = (path: string) =>
    Effect.scoped(
      Effect.flatMap(open(path), (file) =>
        Effect.flatMap(file.stat, ({ size }) =>
          Effect.map(
            file.readAlloc(Number(ByteSize.toBigInt(size)) + 1),
            Option.getOrElse(() => new Uint8Array(0)),
          ),
        ),
      ),
    )
  const writeFile: FileSystem.FileSystem["writeFile"] = (path, data, options) =>
    Effect.scoped(Effect.flatMap(open(path, { ...options, flag: options?.flag ?? "w" }), (file) => file.writeAll(data)))
  const copyFile = (from: string, to: string) => Effect.flatMap(readFile(from), (bytes) => writeFile(to, bytes))
  const readDirectory = (path: string, options?: { readonly recursive?: boolean | undefined }) =>
    call("readDirectory", path, () => {
      const names: Array<string> = []
      const visit = (directory: string, prefix: string) => {
        for (const { inode, name } of volume.list(directory)) {
          names.push(`${prefix}${name}`)
          if (options?.recursive && inode.type === "Directory") visit(`${directory}/${name}`, `${prefix}${name}/`)
        }
      }
      visit(path, "")
      return names
    })
  const copy: FileSystem.FileSystem["copy"] = (from, to, options) =>
    Effect.gen(function* () {
      const inode = yield* call("lstat", from, () => volume.get(from, false))
      if (inode.type === "Directory") {
        yield* call("makeDirectory", to, () => volume.makeDirectory(to, 0o777, true))
        for (const name of yield* readDirectory(from)) yield* copy(`${from}/${name}`, `${to}/${name}`, options)
      } else if (options?.overwrite || !(yield* call("access", to, () => volume.find(to, false).inode !== undefined))) {
        yield* inode.type === "File"
          ? copyFile(from, to)
          : call("symlink", inode.target, () => volume.symlink(inode.target, to), to)
      }
    })
  const remove: FileSystem.FileSystem["remove"] = (path, options) =>
    call("remove", path, () => {
      try {
        volume.remove(path, options?.recursive ?? false)
      } catch (error) {
        if (!(options?.force && error instanceof Errno && error.code === "ENOENT")) throw error
      }
    })
  const token = () => Math.floor(random() * 2 ** 32).toString(36)
  const makeTempDirectory: FileSystem.FileSystem["makeTempDirectory"] = (options) => {
    const path = `${options?.directory ?? "/tmp"}/${options?.prefix ?? ""}${token()}`
    return Effect.as(
      call("makeDirectory", path, () => volume.makeDirectory(path, 0o700, false)),
      path,
    )
  }
  const makeTempFile: FileSystem.FileSystem["makeTempFile"] = (options) =>
    Effect.flatMap(makeTempDirectory(options), (directory) => {
      const path = `${directory}/${token()}${options?.suffix ?? ""}`
      return Effect.as(writeFile(path, new Uint8Array(0)), path)
    })
  const gone = (path: string) => Effect.orDie(remove(path, { recursive: true, force: true }))

  return FileSystem.make({
    access: (path, options) =>
      call("access", path, () => volume.access(path, (options?.readable ? 4 : 0) + (options?.writable ? 2 : 0))),
    chmod: (path, mode) => call("chmod", path, () => volume.chmod(volume.get(path), mode)),
    chown: (path, uid, gid) => call("chown", path, () => volume.chown(volume.get(path), uid, gid)),
    copy,
    copyFile,
    link: (from, to) => call("link", from, () => volume.link(from, to), to),
    lstat: (path) => call("lstat", path, () => toInfo(volume.get(path, false))),
    makeDirectory: (path, options) =>
      call("makeDirectory", path, () =>
        volume.makeDirectory(path, options?.mode ?? 0o777, options?.recursive ?? false),
      ),
    makeTempDirectory,
    makeTempDirectoryScoped: (options) => Effect.acquireRelease(makeTempDirectory(options), gone),
    makeTempFile,
    makeTempFileScoped: (options) =>
      Effect.acquireRelease(makeTempFile(options), (path) => gone(path.slice(0, path.lastIndexOf("/")))),
    open,
    readDirectory,
    readDirectoryEntries: (path) =>
      call("readDirectoryEntries", path, () =>
        volume.list(path).map(({ inode, name }) => ({ name, type: inode.type })),
      ),
    readFile,
    readLink: (path) =>
      call("readLink", path, () => {
        const inode = volume.get(path, false)
        if (inode.type !== "SymbolicLink") throw new Errno("EINVAL")
        return inode.target
      }),
    realPath: (path) =>
      call("realPath", path, () => {
        const place = volume.find(path, true)
        if (place.inode === undefined) throw new Errno("ENOENT")
        return place.path
      }),
    remove,
    rename: (from, to) => call("rename", from, () => volume.rename(from, to), to),
    stat: (path) => call("stat", path, () => toInfo(volume.get(path))),
    symlink: (target, path) => call("symlink", target, () => volume.symlink(target, path), path),
    truncate: (path, length = 0) =>
      call("truncate", path, () => {
        const inode = volume.get(path)
        if (inode.type !== "File") throw new Errno("EISDIR")
        volume.truncate(inode, length)
      }),
    utimes: (path, atime, mtime) =>
      call("utimes", path, () => Object.assign(volume.get(path), { atime: toMillis(atime), mtime: toMillis(mtime) })),
    watch: (path, options) =>
      Stream.callback<FileSystem.WatchEvent, PlatformError.PlatformError>((queue) =>
        Effect.acquireRelease(
          call("watch", path, () => volume.watch(path, (event) => void Queue.offerUnsafe(queue, event))),
          (stop) => Effect.sync(stop),
        ).pipe(Effect.tap(() => Effect.sync(() => options?.onReady?.()))),
      ),
    writeFile,
  })
}

const openInode = (volume: Volume, path: string, flag: FileSystem.OpenFlag, mode: number, noFollow: boolean) => {
  // O_EXCL does not follow links.
  const exclusive = flag.includes("x")
  const place: Location = volume.find(path, !noFollow && !exclusive)
  const writable = flag !== "r"
  let inode: Inode | undefined = place.inode
  if (inode !== undefined && exclusive) throw new Errno("EEXIST")
  if (inode?.type === "SymbolicLink") throw new Errno("ELOOP")
  if (inode === undefined) {
    if (flag === "r" || flag === "r+") throw new Errno("ENOENT")
    inode = volume.makeFile(place, mode)
  } else {
    if (writable && inode.type === "Directory") throw new Errno("EISDIR")
    volume.access(path, (flag === "r" || flag.includes("+") ? 4 : 0) + (writable ? 2 : 0))
    if (flag.startsWith("w") && inode.type === "File") volume.truncate(inode, 0)
  }
  inode.opens++
  return inode
}

const makeFile = (
  volume: Volume,
  perform: Perform,
  path: string,
  flag: FileSystem.OpenFlag,
  inode: FileNode | DirectoryNode,
): FileSystem.File => {
  const append = flag.startsWith("a")
  let cursor = 0
  const file = (readable: boolean): FileNode => {
    if (inode.type !== "File") throw new Errno("EISDIR")
    if (readable ? /^[wa]x?$/.test(flag) : flag === "r") throw new Errno("EBADF")
    return inode
  }
  const readAlloc: FileSystem.File["readAlloc"] = (size, options) =>
    Effect.suspend(() => {
      const position = options?.position
      if (position !== undefined && position < 0n)
        return Effect.fail(badArgument("read", "before the start of the file"))
      return perform({ name: "read", path, bytes: size }, () => {
        const from = position === undefined ? cursor : Number(position)
        const bytes = file(true).cache.slice(from, from + size)
        if (position === undefined) cursor = from + bytes.length
        return bytes.length === 0 ? Option.none() : Option.some(bytes)
      })
    })
  const write = (bytes: Uint8Array) =>
    perform({ name: "write", path, bytes: bytes.length }, (limit) => {
      const node = file(false)
      const offset = append ? node.cache.length : cursor
      const written = volume.write(node, offset, bytes.subarray(0, limit))
      if (!append) cursor = offset + written
      return written
    })
  const writeAll = (bytes: Uint8Array): Effect.Effect<void, PlatformError.PlatformError> =>
    bytes.length === 0
      ? Effect.void
      : Effect.flatMap(write(bytes), (written) =>
          written === 0
            ? Effect.fail(
                PlatformError.systemError({
                  _tag: "WriteZero",
                  module: "FileSystem",
                  method: "writeAll",
                  pathOrDescriptor: path,
                }),
              )
            : writeAll(bytes.subarray(written)),
        )
  return {
    [FileSystem.FileTypeId]: FileSystem.FileTypeId,
    stat: perform({ name: "stat", path }, () => toInfo(inode)),
    seek: (offset, from) =>
      Effect.suspend(() => {
        const position = (from === "start" ? 0 : cursor) + Number(offset)
        if (position < 0) return Effect.fail(badArgument("seek", "before the start of the file"))
        cursor = position
        return Effect.succeed(BigInt(position))
      }),
    sync: perform({ name: "sync", path }, () => volume.sync(inode), inode),
    read: (buffer, options) =>
      Effect.map(readAlloc(buffer.length, options), (read) => {
        if (Option.isNone(read)) return 0
        buffer.set(read.value)
        return read.value.length
      }),
    readAlloc,
    truncate: (length = 0) =>
      perform({ name: "truncate", path }, () => {
        volume.truncate(file(false), length)
        if (!append) cursor = Math.min(cursor, length)
      }),
    write,
    writeAll,
  }
}

const toInfo = (inode: Inode): FileSystem.File.Info => {
  const size = inode.type === "File" ? inode.cache.length : inode.type === "SymbolicLink" ? inode.target.length : 4096
  return {
    type: inode.type,
    mtime: Option.some(new globalThis.Date(inode.mtime)),
    atime: Option.some(new globalThis.Date(inode.atime)),
    birthtime: Option.some(new globalThis.Date(inode.birthtime)),
    dev: 1n,
    ino: Option.some(BigInt(inode.ino)),
    mode: inode.mode | formats[inode.type],
    nlink: Option.some(BigInt(inode.links)),
    uid: Option.some(inode.uid),
    gid: Option.some(inode.gid),
    rdev: Option.some(0n),
    size: ByteSize.bytes(size),
    blksize: Option.some(ByteSize.bytes(4096)),
    blocks: Option.some(BigInt(Math.ceil(size / 512))),
  }
}

/** `<sys/stat.h>`. */
const formats: Readonly<Record<Inode["type"], number>> = { File: 0o100000, Directory: 0o040000, SymbolicLink: 0o120000 }

const toMillis = (time: Date | number): number => (typeof time === "number" ? time * 1000 : time.getTime())

const badArgument = (method: string, description: string) =>
  PlatformError.badArgument({ module: "FileSystem", method, description })
