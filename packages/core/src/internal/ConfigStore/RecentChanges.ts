/** The changes of the newest revisions. A reader that comes later compares documents of the history. */
import type { Change } from "../../ConfigDocument.ts"

const maxRevisions = 8

interface Entry {
  readonly changes: () => ReadonlyArray<Change>
  readonly restartRequired: ReadonlyArray<string>
}

export class RecentChanges {
  private readonly entries = new Map<number, Entry>()

  /** `changes` runs when the changes are first read. */
  add(revision: number, changes: () => ReadonlyArray<Change>, restartRequired: ReadonlyArray<string>): void {
    this.entries.set(revision, { changes: once(changes), restartRequired })
    this.entries.delete(revision - maxRevisions)
  }

  changesOf(revision: number): ReadonlyArray<Change> | undefined {
    return this.entries.get(revision)?.changes()
  }

  restartsOf(revision: number): ReadonlyArray<string> {
    return this.entries.get(revision)?.restartRequired ?? []
  }
}

const once = <A>(make: () => A): (() => A) => {
  let pending: (() => A) | undefined = make
  let made: A
  return () => {
    if (pending !== undefined) {
      made = pending()
      // It keeps two whole configurations alive.
      pending = undefined
    }
    return made
  }
}
