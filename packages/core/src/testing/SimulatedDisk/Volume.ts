/** The tree of names and inodes, synchronous and without effects: each method is one system call, and throws `Errno`. */
import { Errno } from "./Errno.ts"
import {
  confirmFile,
  crashFile,
  type DirectoryNode,
  type EntryChange,
  Extent,
  type Fate,
  type FileChange,
  type FileNode,
  forgetFile,
  type Ino,
  type Inode,
  type LinkNode,
} from "./Inode.ts"
import { Journal } from "./Journal.ts"
import { type Listener, Watches } from "./Watches.ts"

/** The result of a path: the last directory, the name in it, and its inode, if there is one. */
export interface Location {
  readonly parent: DirectoryNode
  readonly name: string
  readonly path: string
  readonly inode: Inode | undefined
}

export interface User {
  readonly uid: number
  readonly gid: number
}

export class Volume {
  readonly user: User
  readonly root: DirectoryNode
  /** The most bytes of all files together. */
  capacity = Number.POSITIVE_INFINITY
  now = 0
  #next = 2
  #inodes = new Map<Ino, Inode>()
  readonly #journal = new Journal((ino) => {
    const inode = this.#inodes.get(ino)
    return inode?.type === "Directory" ? inode : undefined
  })
  readonly #watches = new Watches()

  constructor(user: User) {
    this.user = user
    this.root = { ...this.#common(1, 0o755), type: "Directory", entries: new Map(), platter: new Map() }
    this.root.links = 1
    this.#inodes.set(1, this.root)
  }

  // ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `follow` applies to a symbolic link at the end. Links on the way are always followed. */
  find(path: string, follow: boolean): Location {
    let left = 40
    const walk = (
      from: DirectoryNode,
      base: ReadonlyArray<DirectoryNode>,
      names: Array<string>,
      at: string,
    ): Location => {
      let directory = from
      let stack = base
      let here = at
      while (true) {
        const name = names.shift()
        if (name === undefined)
          return { parent: stack.at(-1) ?? this.root, name: ".", path: here || "/", inode: directory }
        if (name === "" || name === ".") continue
        this.#permit(directory, 1)
        if (name === "..") {
          directory = stack.at(-1) ?? this.root
          stack = stack.slice(0, -1)
          here = here.slice(0, Math.max(0, here.lastIndexOf("/")))
          continue
        }
        const last = names.every((rest) => rest === "" || rest === ".")
        const inode = this.#child(directory, name)
        if (inode?.type === "SymbolicLink" && (follow || !last)) {
          if (left-- === 0) throw new Errno("ELOOP")
          const target = [...inode.target.split("/"), ...names]
          return inode.target.startsWith("/") ? walk(this.root, [], target, "") : walk(directory, stack, target, here)
        }
        if (last) return { parent: directory, name, path: `${here}/${name}`, inode }
        if (inode === undefined) throw new Errno("ENOENT")
        if (inode.type !== "Directory") throw new Errno("ENOTDIR")
        stack = [...stack, directory]
        directory = inode
        here = `${here}/${name}`
      }
    }
    return walk(this.root, [], path.split("/"), "")
  }

  get(path: string, follow = true): Inode {
    const { inode } = this.find(path, follow)
    if (inode === undefined) throw new Errno("ENOENT")
    return inode
  }

  directory(path: string): DirectoryNode {
    const inode = this.get(path)
    if (inode.type !== "Directory") throw new Errno("ENOTDIR")
    return inode
  }

  #child(directory: DirectoryNode, name: string): Inode | undefined {
    const ino = directory.entries.get(name)
    return ino === undefined ? undefined : this.#inodes.get(ino)
  }

  /** 4 read, 2 write, 1 enter: the owner's bits, because there is one user. Root is not checked. */
  #permit(inode: Inode, bits: number): void {
    if (this.user.uid !== 0 && ((inode.mode >> 6) & bits) !== bits) throw new Errno("EACCES")
  }

  access(path: string, bits: number): void {
    this.#permit(this.get(path), bits)
  }

  list(path: string): Array<{ readonly name: string; readonly inode: Inode }> {
    const directory = this.directory(path)
    this.#permit(directory, 4)
    return Array.from(directory.entries, ([name, ino]) => ({ name, inode: this.#inodes.get(ino)! }))
  }

  // ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  makeDirectory(path: string, mode: number, recursive: boolean): void {
    const { inode, name, parent } = recursive ? this.#parents(path, mode) : this.find(path, false)
    if (inode !== undefined) {
      if (recursive && this.get(path).type === "Directory") return
      throw new Errno("EEXIST")
    }
    this.#make(parent, name, {
      ...this.#common(this.#next++, mode & ~umask),
      type: "Directory",
      entries: new Map(),
      platter: new Map(),
    })
  }

  #parents(path: string, mode: number): Location {
    const parts = path.split("/").filter((part) => part !== "")
    for (let length = 1; length < parts.length; length++) {
      const prefix = `/${parts.slice(0, length).join("/")}`
      if (this.find(prefix, false).inode === undefined) this.makeDirectory(prefix, mode, false)
      else if (this.get(prefix).type !== "Directory") throw new Errno("ENOTDIR")
    }
    return this.find(path, false)
  }

  makeFile(place: Location, mode: number): FileNode {
    const common = this.#common(this.#next++, mode & ~umask)
    const durable = { mode: common.mode, uid: common.uid, gid: common.gid }
    return this.#make(place.parent, place.name, {
      ...common,
      type: "File",
      cache: new Extent(),
      platter: new Extent(),
      durable,
      changes: [],
    })
  }

  symlink(target: string, path: string): void {
    const place = this.find(path, false)
    if (place.inode !== undefined) throw new Errno("EEXIST")
    const node: LinkNode = { ...this.#common(this.#next++, 0o777), type: "SymbolicLink", target }
    this.#make(place.parent, place.name, node)
  }

  link(from: string, to: string): void {
    const inode = this.get(from, false)
    const place = this.find(to, false)
    if (place.inode !== undefined) throw new Errno("EEXIST")
    if (inode.type === "Directory") throw new Errno("EPERM")
    this.#set([{ place, to: inode.ino }])
  }

  rename(from: string, to: string): void {
    const old = this.find(from, false)
    const target = this.find(to, false)
    if (old.inode === undefined) throw new Errno("ENOENT")
    if (old.name === "." || target.name === ".") throw new Errno("EBUSY")
    // rename(2): two names of one file stay as they are.
    if (old.inode === target.inode) return
    if (old.inode.type === "Directory" && `${target.path}/`.startsWith(`${old.path}/`)) throw new Errno("EINVAL")
    if (old.path.startsWith(`${target.path}/`)) throw new Errno("ENOTEMPTY")
    if (target.inode !== undefined) {
      if (target.inode.type === "Directory") {
        if (old.inode.type !== "Directory") throw new Errno("EISDIR")
        if (target.inode.entries.size > 0) throw new Errno("ENOTEMPTY")
      } else if (old.inode.type === "Directory") throw new Errno("ENOTDIR")
    }
    this.#set([
      { place: old, to: undefined },
      { place: target, to: old.inode.ino },
    ])
    this.#watches.self(old.inode.ino, "Remove")
  }

  exchange(a: string, b: string): void {
    const one = this.find(a, false)
    const two = this.find(b, false)
    if (one.inode === undefined || two.inode === undefined) throw new Errno("ENOENT")
    if (one.inode === two.inode) return
    this.#set([
      { place: one, to: two.inode.ino },
      { place: two, to: one.inode.ino },
    ])
  }

  /** Each name below is a separate change: a power cut may leave any part of a removed tree. */
  remove(path: string, recursive: boolean): void {
    const place = this.find(path, false)
    if (place.inode === undefined) throw new Errno("ENOENT")
    if (place.inode === this.root) throw new Errno("EBUSY")
    if (place.inode.type === "Directory") {
      if (!recursive) throw new Errno("ERR_FS_EISDIR")
      for (const { name } of this.list(path)) this.remove(`${place.path}/${name}`, true)
    }
    this.#set([{ place, to: undefined }])
  }

  #make<N extends Inode>(parent: DirectoryNode, name: string, inode: N): N {
    this.#permit(parent, 2)
    this.#inodes.set(inode.ino, inode)
    this.#set([{ place: { parent, name, path: "", inode: undefined }, to: inode.ino }])
    return inode
  }

  #set(sets: ReadonlyArray<{ readonly place: Location; readonly to: Ino | undefined }>): void {
    for (const { place } of sets) this.#permit(place.parent, 2)
    const replaced = sets.map(({ place }) => place.inode)
    for (const { place, to } of sets) {
      if (to === undefined) place.parent.entries.delete(place.name)
      else {
        place.parent.entries.set(place.name, to)
        this.#inodes.get(to)!.links++
      }
      place.parent.mtime = this.now
    }
    for (const inode of replaced) if (inode !== undefined) inode.links--
    this.#journal.record({
      kind: "entries",
      sets: sets.map(({ place, to }) => ({ directory: place.parent.ino, name: place.name, to })),
    })
    for (const { place, to } of sets) {
      this.#watches.child(place.parent.ino, { _tag: to === undefined ? "Remove" : "Create", path: place.name })
    }
    for (const inode of replaced) if (inode?.links === 0) this.#watches.self(inode.ino, "Remove")
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Returns the number of bytes that fitted. Throws ENOSPC if none did. */
  write(file: FileNode, offset: number, bytes: Uint8Array): number {
    const growth = Math.max(0, offset + bytes.length - file.cache.length)
    const lacking = growth - Math.max(0, this.capacity - this.#used())
    const room = lacking > 0 ? Math.max(0, bytes.length - lacking) : bytes.length
    if (room === 0 && bytes.length > 0) throw new Errno("ENOSPC")
    const copy = bytes.slice(0, room)
    file.cache.write(offset, copy)
    this.#changed(file, { kind: "write", offset, bytes: copy })
    return room
  }

  truncate(file: FileNode, length: number): void {
    file.cache.truncate(length)
    this.#changed(file, { kind: "truncate", length })
  }

  chmod(inode: Inode, mode: number): void {
    if (this.user.uid !== 0 && this.user.uid !== inode.uid) throw new Errno("EPERM")
    inode.mode = mode & 0o7777
    this.#metadata(inode)
  }

  chown(inode: Inode, uid: number, gid: number): void {
    if (this.user.uid !== 0 && (uid !== inode.uid || gid !== inode.gid)) throw new Errno("EPERM")
    inode.uid = uid
    inode.gid = gid
    this.#metadata(inode)
  }

  #metadata(inode: Inode): void {
    if (inode.type === "File") {
      const { gid, mode, uid } = inode
      inode.changes.push({ change: { kind: "metadata", mode, uid, gid }, state: "pending" })
    }
    this.#updated(inode.ino)
  }

  #changed(file: FileNode, change: FileChange): void {
    file.changes.push({ change, state: "pending" })
    file.mtime = this.now
    this.#updated(file.ino)
  }

  #used(): number {
    let bytes = 0
    for (const inode of this.#inodes.values()) {
      if (inode.type === "File" && (inode.links > 0 || inode.opens > 0)) bytes += inode.cache.length
    }
    return bytes
  }

  #common(ino: Ino, mode: number) {
    const { gid, uid } = this.user
    return { ino, mode, uid, gid, links: 0, opens: 0, birthtime: this.now, atime: this.now, mtime: this.now }
  }

  // ── durability ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** fsync(2): confirms the bytes and mode of a file without its name, or the names in a directory without their targets. */
  sync(inode: Inode): void {
    if (inode.type === "File") confirmFile(inode)
    else this.#journal.confirm(inode.ino)
  }

  /** fsync(2) that failed. */
  forget(inode: Inode): void {
    if (inode.type === "File") forgetFile(inode)
    else this.#journal.forget(inode.ino)
  }

  /** Cuts the power: descriptors, watches and the cache are lost. */
  crash(
    decide: (change: FileChange | EntryChange, path: string) => Fate,
    within: (from: number, to: number) => number,
  ): void {
    const names = this.#names()
    for (const inode of this.#inodes.values()) {
      if (inode.type === "File")
        crashFile(inode, (change) => decide(change, names.get(inode.ino) ?? `inode ${inode.ino}`), within)
      inode.links = 0
      inode.opens = 0
    }
    this.#journal.crash((change) => {
      const path = change.sets.map(({ directory, name }) => `${names.get(directory) ?? "?"}/${name}`).join(" ")
      return decide(change, path)
    })
    this.#watches.clear()
    for (const inode of this.#inodes.values()) {
      if (inode.type !== "Directory") continue
      inode.entries.clear()
      for (const [name, ino] of inode.platter) inode.entries.set(name, ino)
    }
    this.#sweep()
  }

  /** Removes inodes without a name, and counts the names of the others. */
  #sweep(): void {
    const reached = new Set<Ino>()
    const visit = (inode: Inode) => {
      inode.links++
      if (reached.has(inode.ino)) return
      reached.add(inode.ino)
      if (inode.type === "Directory") for (const ino of inode.entries.values()) visit(this.#inodes.get(ino)!)
    }
    visit(this.root)
    for (const ino of this.#inodes.keys()) if (!reached.has(ino)) this.#inodes.delete(ino)
  }

  #names(): Map<Ino, string> {
    const names = new Map<Ino, string>([[this.root.ino, ""]])
    const visit = (directory: DirectoryNode, path: string) => {
      for (const [name, ino] of directory.entries) {
        if (names.has(ino)) continue
        names.set(ino, `${path}/${name}`)
        const inode = this.#inodes.get(ino)
        if (inode?.type === "Directory") visit(inode, `${path}/${name}`)
      }
    }
    visit(this.root, "")
    return names
  }

  // ── watching ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

  watch(path: string, listener: Listener): () => void {
    const { inode, name } = this.find(path, true)
    if (inode === undefined) throw new Errno("ENOENT")
    return this.#watches.add(inode.ino, name === "." ? path.slice(path.lastIndexOf("/") + 1) : name, listener)
  }

  /** Notifies every directory that names the inode of a change of content or mode. */
  #updated(ino: Ino): void {
    this.#watches.self(ino, "Update")
    for (const inode of this.#inodes.values()) {
      if (inode.type !== "Directory" || !this.#watches.has(inode.ino)) continue
      for (const [name, child] of inode.entries) {
        if (child === ino) this.#watches.child(inode.ino, { _tag: "Update", path: name })
      }
    }
  }
}

const umask = 0o022
