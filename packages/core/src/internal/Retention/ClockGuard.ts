/**
 * A clock that is wrong by years must not empty every store. When it stands more than `toleranceMillis` beyond what the time that passed
 * explains (at first: beyond the newest thing in the store), nothing goes for its age until the program has run for `holdMillis` more, or
 * the clock has come back. A wrong clock that stays that long is believed; a computer that slept for longer than the tolerance waits, too.
 */
const dayMillis = 86_400_000
export const toleranceMillis = 31 * dayMillis
export const holdMillis = dayMillis

interface Reading {
  readonly wall: number
  readonly monotonic: number
}

export class ClockGuard {
  /** The last reading that was believed; at first the store's newest. */
  #believed: Reading | undefined
  #heldSince: number | undefined

  /** Whether the wall clock may be believed now. Both in milliseconds; `newest` is the time of the store's newest thing. */
  believes(wall: number, monotonic: number, newest: number | undefined): boolean {
    this.#believed ??= { wall: newest ?? wall, monotonic }
    const explained = this.#believed.wall + (monotonic - this.#believed.monotonic)
    if (wall > explained + toleranceMillis) {
      this.#heldSince ??= monotonic
      if (monotonic < this.#heldSince + holdMillis) return false
    }
    this.#heldSince = undefined
    this.#believed = { wall, monotonic }
    return true
  }
}
