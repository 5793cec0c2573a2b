/** Telling whether a name still leads to the same, unchanged file. Change times are not available through `FileSystem`. */
import { type FileSystem, Option } from "effect"

export const sameInode = (a: FileSystem.File.Info, b: FileSystem.File.Info): boolean =>
  a.dev === b.dev && Option.getOrUndefined(a.ino) === Option.getOrUndefined(b.ino)

/** Also compares size and modification time. Two saves within one tick of the file system's clock can look the same. */
export const sameFile = (a: FileSystem.File.Info, b: FileSystem.File.Info): boolean =>
  sameInode(a, b) && fingerprint(a) === fingerprint(b)

export const fingerprint = (info: FileSystem.File.Info): string =>
  [
    info.dev,
    Option.getOrUndefined(info.ino),
    info.size.toString(),
    Option.match(info.mtime, { onNone: () => "", onSome: (mtime) => mtime.getTime() }),
  ].join()
