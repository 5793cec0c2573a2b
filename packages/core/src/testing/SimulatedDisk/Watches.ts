/** Watches like those of inotify: they belong to the inode, and report nothing after its removal. */
import type { FileSystem } from "effect"
import type { Ino } from "./Inode.ts"

export type Listener = (event: FileSystem.WatchEvent) => void

export class Watches {
  #entries = new Map<Ino, Set<{ readonly name: string; readonly listener: Listener }>>()

  add(ino: Ino, name: string, listener: Listener): () => void {
    const entry = { name, listener }
    const entries = this.#entries.get(ino) ?? new Set()
    this.#entries.set(ino, entries.add(entry))
    return () => {
      entries.delete(entry)
    }
  }

  has(ino: Ino): boolean {
    return (this.#entries.get(ino)?.size ?? 0) > 0
  }

  /** Reports a change of a name in the directory. */
  child(directory: Ino, event: FileSystem.WatchEvent): void {
    for (const { listener } of this.#entries.get(directory) ?? []) listener(event)
  }

  /** Reports a change of the watched inode itself, under its own name. */
  self(ino: Ino, tag: "Update" | "Remove"): void {
    for (const { listener, name } of this.#entries.get(ino) ?? []) listener({ _tag: tag, path: name })
  }

  clear(): void {
    this.#entries.clear()
  }
}
