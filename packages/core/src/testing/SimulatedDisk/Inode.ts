/**
 * What one name may lead to. A file keeps two contents: the one that programs see (page cache) and the one that a power cut leaves
 * (platter); between them stand the changes that no sync has confirmed, in their order.
 */

export type Ino = number

interface Common {
  readonly ino: Ino
  /** Permission bits only. */
  mode: number
  uid: number
  gid: number
  links: number
  /** Open descriptors: they outlive the last name. */
  opens: number
  readonly birthtime: number
  atime: number
  mtime: number
}

export interface FileNode extends Common {
  readonly type: "File"
  readonly cache: Extent
  readonly platter: Extent
  /** As a power cut would leave them. */
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

/** Entries that change together: a rename is one change of two names, as every journaling file system makes it. */
export interface EntryChange {
  readonly kind: "entries"
  readonly sets: ReadonlyArray<{ readonly directory: Ino; readonly name: string; readonly to: Ino | undefined }>
}

/**
 * `pending` until a sync confirms it (`written`). A sync that failed leaves it `forgotten`: the kernel marked the pages clean, and no later
 * sync of the same file will write them, though it reports success (Linux; "fsyncgate").
 */
export interface Tracked<Change> {
  readonly change: Change
  state: "pending" | "written" | "forgotten"
}

/** What becomes of one unsynced change in a power cut. `torn` keeps some stretch of a write; a change that has no parts is kept whole. */
export type Fate = "lost" | "kept" | "torn"

/** Bytes with room to grow: appending to a long file costs what is appended. */
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

/** A sync that worked. With something forgotten among them, the order must stay until the power cut tells. */
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

/** Loses the cache: what was confirmed stays, the rest has the fate that `decide` gives it. */
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
