/**
 * Keeps unlocked lock files open for the next lock, because opening costs more than locking. At most one per path and `max` in total; beyond
 * that the least recently used one is closed.
 */
import { close, type LockFile } from "./LockFile.ts"

export class IdleFiles {
  readonly #files = new Map<string, LockFile>()
  #max: number

  constructor(max: number) {
    this.#max = max
  }

  /** Hands the file to the caller, to lock, park or close it. */
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

  /** Closes all files, and every file that is parked later. */
  closeAll(): void {
    this.#max = 0
    for (const file of this.#files.values()) close(file.fd)
    this.#files.clear()
  }
}
