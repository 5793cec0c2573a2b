/**
 * Lock files kept open, unlocked, for the next time: opening one costs more than locking it. One for a path and `max` in all; beyond that
 * the one unused for longest is closed.
 */
import { close, type LockFile } from "./LockFile.ts"

export class IdleFiles {
  readonly #files = new Map<string, LockFile>()
  #max: number

  constructor(max: number) {
    this.#max = max
  }

  /** The file is the caller's now, to lock, park or close. */
  take(path: string): LockFile | undefined {
    const file = this.#files.get(path)
    if (file !== undefined) this.#files.delete(path)
    return file
  }

  /** Takes an unlocked file back. */
  park(file: LockFile): void {
    if (this.#max === 0 || this.#files.has(file.path)) close(file.fd)
    else this.#files.set(file.path, file)
    if (this.#files.size <= this.#max) return
    const [oldest] = this.#files.values()
    if (oldest !== undefined) {
      this.#files.delete(oldest.path)
      close(oldest.fd)
    }
  }

  /** Closes them all, and whatever is parked later. */
  closeAll(): void {
    this.#max = 0
    for (const file of this.#files.values()) close(file.fd)
    this.#files.clear()
  }
}
