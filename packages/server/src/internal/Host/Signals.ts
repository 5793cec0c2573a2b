/**
 * The signals that stop a host or reload its document. While the host runs, it removes other listeners of these signals: a `runMain` around it would
 * interrupt it before its requests have ended.
 */
import { constants } from "node:os"
import { Effect, Latch, type Scope } from "effect"

/** The same signal again within this time is one signal that arrives twice. */
const repeatMillis = 1_000

export interface Signals {
  /**
   * Returns after SIGINT or SIGTERM. A second one exits the process at once, with 128 plus the signal's number; the same one again only after a
   * second.
   */
  readonly stop: Effect.Effect<void>
  /** Waits for SIGHUP. Several signals since the last wait count as one. */
  readonly hangUp: Effect.Effect<void>
}

export const makeSignals: Effect.Effect<Signals, never, Scope.Scope> = Effect.gen(function* () {
  const stopped = Latch.makeUnsafe(false)
  const hungUp = Latch.makeUnsafe(false)
  let first: { readonly signal: NodeJS.Signals; readonly at: number } | undefined
  const end = (signal: NodeJS.Signals) => {
    const at = performance.now()
    // `npm start` forwards the signal that the terminal has sent to both.
    if (first?.signal === signal && at - first.at < repeatMillis) return
    // Requests in flight are lost; recorded ledger entries are on the disk already.
    if (first !== undefined) process.exit(128 + constants.signals[signal])
    first = { signal, at }
    stopped.openUnsafe()
  }
  yield* listen("SIGINT", end)
  yield* listen("SIGTERM", end)
  yield* listen("SIGHUP", () => void hungUp.openUnsafe())
  return { stop: stopped.await, hangUp: Effect.andThen(hungUp.await, hungUp.close) }
})

const listen = (signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const others = process.rawListeners(signal)
      process.removeAllListeners(signal)
      process.on(signal, listener)
      return others
    }),
    (others) =>
      Effect.sync(() => {
        process.off(signal, listener)
        for (const other of others) process.on(signal, other as NodeJS.SignalsListener)
      }),
  )
