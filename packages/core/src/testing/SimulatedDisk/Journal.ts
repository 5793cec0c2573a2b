/** The unsynced changes of names in all directories, in their order. */
import type { DirectoryNode, EntryChange, Fate, Ino, Tracked } from "./Inode.ts"

export class Journal {
  #changes: Array<Tracked<EntryChange>> = []
  readonly #directory: (ino: Ino) => DirectoryNode | undefined

  constructor(directory: (ino: Ino) => DirectoryNode | undefined) {
    this.#directory = directory
  }

  record(change: EntryChange): void {
    this.#changes.push({ change, state: "pending" })
  }

  /** A directory was synced. A change of names in two directories is confirmed as a whole. */
  confirm(directory: Ino): void {
    for (const tracked of this.#pending(directory)) tracked.state = "written"
    while (this.#changes[0]?.state === "written") this.#toPlatter(this.#changes.shift()!.change)
  }

  /** Syncing a directory failed. */
  forget(directory: Ino): void {
    for (const tracked of this.#pending(directory)) tracked.state = "forgotten"
  }

  /** A later change may survive without an earlier one, which looks like reordering. */
  crash(decide: (change: EntryChange) => Fate): void {
    for (const { change, state } of this.#changes) {
      if (state === "written" || decide(change) !== "lost") this.#toPlatter(change)
    }
    this.#changes = []
  }

  #pending(directory: Ino): Array<Tracked<EntryChange>> {
    return this.#changes.filter(
      ({ change, state }) => state === "pending" && change.sets.some((set) => set.directory === directory),
    )
  }

  #toPlatter({ sets }: EntryChange): void {
    for (const { directory, name, to } of sets) {
      const platter = this.#directory(directory)?.platter
      if (to === undefined) platter?.delete(name)
      else platter?.set(name, to)
    }
  }
}
