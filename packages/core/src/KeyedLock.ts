/**
 * A fair lock for each key within one process: any number of shared holders or one exclusive holder, first come, first served. A shared request behind
 * an exclusive one waits its turn, so no request starves. A key without holders and waiters takes no memory. The number of waiters is that of the fibers.
 */
import { Effect, Exit, type Fiber } from "effect"

export type Mode = "exclusive" | "shared"

/** The restore function of `Effect.uninterruptibleMask`. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export class KeyedLock {
  readonly #keys = new Map<string, Key>()

  /** The number of keys that are held or awaited. */
  get size(): number {
    return this.#keys.size
  }

  /** Takes the lock if it is free and no request waits for it. */
  tryTake(name: string, mode: Mode): boolean {
    const key = this.#keys.get(name)
    if (key === undefined) {
      this.#keys.set(name, { mode, holders: 1, waiters: new Set() })
      return true
    }
    if (key.waiters.size > 0 || key.mode !== "shared" || mode !== "shared") return false
    key.holders++
    return true
  }

  /**
   * Waits for the lock and returns `false` after the timeout. Must run uninterruptibly: only the wait itself runs in `restore`, and leaves nothing
   * behind if it is interrupted there.
   */
  take(name: string, mode: Mode, timeoutMillis: number, restore: Restore): Effect.Effect<boolean> {
    return Effect.withFiber((fiber) => {
      if (this.tryTake(name, mode)) return Effect.succeed(true)
      if (timeoutMillis <= 0) return Effect.succeed(false)
      const waiter: Waiter = { mode, granted: false, wake: undefined }
      this.#keys.get(name)?.waiters.add(waiter)
      const granted = awaitGrant(waiter, fiber)
      const wait: Effect.Effect<unknown> =
        timeoutMillis === Number.POSITIVE_INFINITY ? granted : Effect.timeoutOption(granted, timeoutMillis)
      return restore(wait).pipe(
        Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => this.#abandon(name, waiter)))),
        // The grant counts, not the timeout: both may have come in the same turn.
        Effect.map(() => waiter.granted || this.#abandon(name, waiter)),
      )
    })
  }

  release(name: string, mode: Mode): void {
    const key = this.#keys.get(name)
    if (key === undefined || key.mode !== mode) throw new Error(`${name} is not held in ${mode} mode`)
    key.holders--
    this.#grant(name, key)
  }

  #abandon(name: string, waiter: Waiter): false {
    const key = this.#keys.get(name)
    if (waiter.granted) this.release(name, waiter.mode)
    else if (key?.waiters.delete(waiter)) this.#grant(name, key)
    return false
  }

  #grant(name: string, key: Key): void {
    for (const waiter of key.waiters) {
      if (key.holders > 0 && (key.mode !== "shared" || waiter.mode !== "shared")) break
      key.waiters.delete(waiter)
      key.mode = waiter.mode
      key.holders++
      waiter.granted = true
      waiter.wake?.()
    }
    if (key.holders === 0) this.#keys.delete(name)
  }
}

interface Key {
  mode: Mode
  holders: number
  readonly waiters: Set<Waiter>
}

interface Waiter {
  readonly mode: Mode
  granted: boolean
  wake: (() => void) | undefined
}

// Through the dispatcher: resumed inside `release`, a thousand short holders in a row would nest a thousand calls deep.
const awaitGrant = (waiter: Waiter, fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (waiter.granted) return resume(Effect.void)
    waiter.wake = () => fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
  })
