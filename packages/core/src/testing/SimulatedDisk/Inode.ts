/**
 * The target of a name. A file has two contents: the one that programs see (page cache), and the one that survives a power cut (platter). Between them
 * are the unsynced changes, in their order.
 */

export type Ino = number

interface Common {
  readonly ino: Ino
  /** Permission bits only. */
  mode: number
  uid: number
  gid: number
  links: number
  /** Open descriptors. They remain after the last name is removed. */
  opens: number
  readonly birthtime: number
  atime: number
  mtime: number
}

export interface FileNode extends Common {
  readonly type: "File"
  readonly cache: Extent
  readonly platter: Extent
  /** The names after a power cut. */
  readonly durable: { mode: number; uid: number; gid: number }
  changes: Array<Tracked<FileChange>>
}
export interface DirectoryNode extends Common {
  readonly type: "Directory"
  readonly entries: Map<string, Ino>
  readonly platter: Map<string, Ino>
}
export interface LinkNode extends Common {
  readonly type: "SymbolicLink"
  readonly target: string
}
export type Inode = FileNode | DirectoryNode | LinkNode

export type FileChange =
  | { readonly kind: "write"; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly length: number }
  | { readonly kind: "metadata"; readonly mode: number; readonly uid: number; readonly gid: number }

/** Entries that change together. A rename is one change of two names, as in every journaling file system. */
export interface EntryChange {
  readonly kind: "entries"
  readonly sets: ReadonlyArray<{ readonly directory: Ino; readonly name: string; readonly to: Ino | undefined }>
}

/**
 * `pending` until a sync confirms it (`written`). A failed sync leaves it `forgotten`: the kernel has marked the pages clean, and later syncs of
 * the file report success without writing them (Linux; "fsyncgate").
 */
export interface Tracked<Change> {
  readonly change: Change
  state: "pending" | "written" | "forgotten"
}

/** The fate of one unsynced change in a power cut. `torn` keeps a part of a write; a change without parts is kept whole. */
export type Fate = "lost" | "kept" | "torn"

/** Bytes with spare room, so that an append costs only the appended bytes. */
export class Extent {
  #bytes = new Uint8Array(0)
  length = 0

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, this.length))
      this.#bytes = grown
    }
    this.#bytes.set(bytes, offset)
    this.length = Math.max(this.length, end)
  }

  truncate(length: number): void {
    if (length > this.length) this.write(this.length, new Uint8Array(length - this.length))
    else this.#bytes.fill(0, length, this.length)
    this.length = length
  }

  slice(from: number, to: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(Math.min(from, this.length), Math.min(to, this.length))
  }

  become(other: Extent): void {
    this.#bytes = other.slice(0, other.length)
    this.length = other.length
  }
}

export const applyToPlatter = (file: FileNode, change: FileChange): void => {
  switch (change.kind) {
    case "write":
      file.platter.write(change.offset, change.bytes)
      break
    case "truncate":
      file.platter.truncate(change.length)
      break
    case "metadata":
      file.durable.mode = change.mode
      file.durable.uid = change.uid
      file.durable.gid = change.gid
  }
}

/** A successful sync. With forgotten changes among them, the order must stay until the power cut. */
export const confirmFile = (file: FileNode): void => {
  for (const tracked of file.changes) {
    if (tracked.state === "pending") tracked.state = "written"
  }
  if (file.changes.some((tracked) => tracked.state === "forgotten")) return
  for (const { change } of file.changes) applyToPlatter(file, change)
  file.changes = []
}

export const forgetFile = (file: FileNode): void => {
  for (const tracked of file.changes) {
    if (tracked.state === "pending") tracked.state = "forgotten"
  }
}

/** Drops the cache: synced changes stay, and `decide` determines the fate of the others. */
export const crashFile = (
  file: FileNode,
  decide: (change: FileChange) => Fate,
  within: (from: number, to: number) => number,
): void => {
  for (const { change, state } of file.changes) {
    const fate = state === "written" ? "kept" : decide(change)
    if (fate === "lost") continue
    if (fate === "torn" && change.kind === "write") {
      const from = within(0, change.bytes.length)
      const bytes = change.bytes.subarray(from, within(from, change.bytes.length))
      if (bytes.length > 0) file.platter.write(change.offset + from, bytes)
    } else applyToPlatter(file, change)
  }
  file.changes = []
  file.cache.become(file.platter)
  Object.assign(file, file.durable)
}
