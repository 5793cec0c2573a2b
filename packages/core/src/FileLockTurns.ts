/**
 * Whose turn it is within this process: for each key any number of shared holders or one exclusive holder, first come, first served. A
 * shared one that comes while an exclusive one waits stands behind it, so nobody starves. Keys that nobody holds or awaits cost nothing;
 * as many wait as there are fibers that asked.
 */
import { Effect, Exit, type Fiber } from "effect"

export type Mode = "exclusive" | "shared"

/** What `Effect.uninterruptibleMask` hands over: interruption is possible again inside. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export class Turns {
  readonly #turns = new Map<string, Turn>()

  /** How many keys are held or awaited. */
  get size(): number {
    return this.#turns.size
  }

  /** Takes the turn if it is free and nobody waits for it. */
  tryTake(key: string, mode: Mode): boolean {
    const turn = this.#turns.get(key)
    if (turn === undefined) {
      this.#turns.set(key, { mode, holders: 1, waiters: new Set() })
      return true
    }
    if (turn.waiters.size > 0 || turn.mode !== "shared" || mode !== "shared") return false
    turn.holders++
    return true
  }

  /**
   * Waits for the turn; `false` when the time is over. To be run uninterruptibly: only the wait itself lies within `restore`, and whoever
   * is interrupted or timed out there leaves nothing behind.
   */
  take(key: string, mode: Mode, timeoutMillis: number, restore: Restore): Effect.Effect<boolean> {
    return Effect.withFiber((fiber) => {
      if (this.tryTake(key, mode)) return Effect.succeed(true)
      if (timeoutMillis <= 0) return Effect.succeed(false)
      const waiter: Waiter = { mode, granted: false, wake: undefined }
      this.#turns.get(key)?.waiters.add(waiter)
      const granted = awaitGrant(waiter, fiber)
      const wait: Effect.Effect<unknown> =
        timeoutMillis === Number.POSITIVE_INFINITY ? granted : Effect.timeoutOption(granted, timeoutMillis)
      return restore(wait).pipe(
        Effect.onExit((exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.sync(() => this.#abandon(key, waiter)))),
        // The waiter's own word counts, not the clock's: both may have come in the same turn.
        Effect.map(() => waiter.granted || this.#abandon(key, waiter)),
      )
    })
  }

  release(key: string, mode: Mode): void {
    const turn = this.#turns.get(key)
    if (turn === undefined || turn.mode !== mode) throw new Error(`nobody holds ${key} ${mode}`)
    turn.holders--
    this.#settle(key, turn)
  }

  #abandon(key: string, waiter: Waiter): false {
    const turn = this.#turns.get(key)
    if (waiter.granted) this.release(key, waiter.mode)
    else if (turn?.waiters.delete(waiter)) this.#settle(key, turn)
    return false
  }

  #settle(key: string, turn: Turn): void {
    for (const waiter of turn.waiters) {
      if (turn.holders > 0 && (turn.mode !== "shared" || waiter.mode !== "shared")) break
      turn.waiters.delete(waiter)
      turn.mode = waiter.mode
      turn.holders++
      waiter.granted = true
      waiter.wake?.()
    }
    if (turn.holders === 0) this.#turns.delete(key)
  }
}

interface Turn {
  mode: Mode
  holders: number
  readonly waiters: Set<Waiter>
}

interface Waiter {
  readonly mode: Mode
  granted: boolean
  wake: (() => void) | undefined
}

// Woken through the dispatcher: resumed inside `release`, a row of a thousand short holders would nest a thousand deep.
const awaitGrant = (waiter: Waiter, fiber: Fiber.Fiber<unknown, unknown>): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (waiter.granted) return resume(Effect.void)
    waiter.wake = () => fiber.currentDispatcher.scheduleTask(() => resume(Effect.void), 0)
  })
