/**
 * How a process is told to stop or to read its document again. While it runs these signals are the host's alone: others that listen, as a
 * `runMain` around it, would end it before its requests have ended.
 */
import { constants } from "node:os"
import { Effect, Latch, type Scope } from "effect"

export interface Signals {
  /** SIGINT or SIGTERM has come. A second one ends the process at once, with 128 and its number as a shell would say it. */
  readonly stop: Effect.Effect<void>
  /** Waits for a SIGHUP; several that came since are one. */
  readonly hangUp: Effect.Effect<void>
}

export const makeSignals: Effect.Effect<Signals, never, Scope.Scope> = Effect.gen(function* () {
  const stopped = Latch.makeUnsafe(false)
  const hungUp = Latch.makeUnsafe(false)
  let stopping = false
  const end = (signal: NodeJS.Signals) => {
    // What is under way is cut; what was recorded is on the disk already.
    if (stopping) process.exit(128 + constants.signals[signal])
    stopping = true
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
