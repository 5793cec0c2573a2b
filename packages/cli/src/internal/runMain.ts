/**
 * Runs a command as the process: signals, exit code and the report of a failure. SIGINT and SIGTERM interrupt the command, a second one ends the
 * process at once, and so does a command that has not ended ten seconds later. While `ignoringSignals` runs, the effect inside it handles them.
 */
import { Cause, Effect, Exit, Fiber } from "effect"

let ignored = 0

/** Leaves signals to `effect`, such as an editor in the foreground or the host. */
export const ignoringSignals = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => ignored++),
    () => effect,
    () => Effect.sync(() => ignored--),
  )

/** 128 plus the signal's number, as shells count. */
const signals = { SIGINT: 130, SIGTERM: 143 } as const

export const runMain = <A, E>(args: ReadonlyArray<string>, effect: Effect.Effect<A, E>): void => {
  let code = 0
  // An unhandled error event would end the process with a stack trace. Each write reports its own error.
  process.stdout.on("error", () => {})
  process.stderr.on("error", () => {})
  // Node would print the source line of the error, which in the bundle is most of the program.
  process.on("uncaughtException", (error) => endWith(args, Cause.die(error)))
  const fiber = Effect.runFork(effect)
  // Keeps the process alive while the command waits for something without a handle.
  const alive = setInterval(() => {}, 2 ** 31 - 1)
  for (const [signal, number] of Object.entries(signals)) {
    process.on(signal, () => {
      if (ignored > 0) return
      if (code !== 0) process.exit(number)
      code = number
      setTimeout(() => process.exit(number), interruptLimitMillis)
      Effect.runFork(Fiber.interrupt(fiber))
    })
  }
  fiber.addObserver((exit) => {
    clearInterval(alive)
    if (Exit.isSuccess(exit) || code !== 0) process.exit(code)
    endWith(args, exit.cause)
  })
}

const interruptLimitMillis = 10_000

const endWith = (args: ReadonlyArray<string>, cause: Cause.Cause<unknown>): void => {
  if (Cause.hasInterruptsOnly(cause)) process.exit(signals.SIGINT)
  import("./reportFailure.ts").then(
    ({ reportFailure }) => process.exit(reportFailure(args, cause)),
    () => process.exit(1),
  )
}
