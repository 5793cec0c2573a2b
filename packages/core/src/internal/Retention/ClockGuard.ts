/**
 * Protects stores from a wall clock that is wrong by years. The expected time is the last trusted time plus the time that passed since (at
 * first, the time of the newest item). A clock more than `toleranceMillis` ahead of it is not trusted until the program has run for
 * `holdMillis` more, or the clock is corrected. A computer that slept for longer than the tolerance waits as well.
 */
const dayMillis = 86_400_000
export const toleranceMillis = 31 * dayMillis
export const holdMillis = dayMillis

interface Reading {
  readonly wall: number
  readonly monotonic: number
}

export class ClockGuard {
  /** The last trusted reading; at first the time of the store's newest item. */
  #trusted: Reading | undefined
  #heldSince: number | undefined

  /** Returns whether the wall clock can be trusted. Times are in milliseconds; `newest` is the time of the store's newest item. */
  trusts(wall: number, monotonic: number, newest: number | undefined): boolean {
    this.#trusted ??= { wall: newest ?? wall, monotonic }
    const expected = this.#trusted.wall + (monotonic - this.#trusted.monotonic)
    if (wall > expected + toleranceMillis) {
      this.#heldSince ??= monotonic
      if (monotonic < this.#heldSince + holdMillis) return false
    }
    this.#heldSince = undefined
    this.#trusted = { wall, monotonic }
    return true
  }
}
