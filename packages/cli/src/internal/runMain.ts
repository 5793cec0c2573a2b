/**
 * The process around a command: signals, the exit code, and what is said at the end. SIGINT and SIGTERM interrupt it, a second one ends it
 * at once; while an editor has the terminal they are the editor's.
 */
import { Cause, Effect, Exit, Fiber } from "effect"
import { complain, failureOf, isVerbose, tell } from "./reportFailure.ts"

let deaf = 0

/** Signals are somebody else's as long as `effect` runs. */
export const withoutSignals = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.acquireUseRelease(
    Effect.sync(() => deaf++),
    () => effect,
    () => Effect.sync(() => deaf--),
  )

/** As a shell counts: 128 and the signal's number. */
const signals = { SIGINT: 130, SIGTERM: 143 } as const

export const runMain = <A, E>(args: ReadonlyArray<string>, effect: Effect.Effect<A, E>): void => {
  let code = 0
  // An error event nobody listens to would end the process with a stack trace; writes report their own.
  process.stdout.on("error", () => {})
  process.stderr.on("error", () => {})
  // What nobody has caught: Node would print the line it comes from, and a line of the bundle is a good part of the program.
  process.on("uncaughtException", (error) => process.exit(codeOf(args, Cause.die(error))))
  const fiber = Effect.runFork(effect)
  // Keeps the process while the command waits for what holds no handle.
  const alive = setInterval(() => {}, 2 ** 31 - 1)
  for (const [signal, number] of Object.entries(signals)) {
    process.on(signal, () => {
      if (deaf > 0) return
      if (code !== 0) process.exit(number)
      code = number
      Effect.runFork(Fiber.interrupt(fiber))
    })
  }
  fiber.addObserver((exit) => {
    clearInterval(alive)
    process.exit(Exit.isSuccess(exit) ? code : code || codeOf(args, exit.cause))
  })
}

const codeOf = (args: ReadonlyArray<string>, cause: Cause.Cause<unknown>): number => {
  if (Cause.hasInterruptsOnly(cause)) return signals.SIGINT
  if (isShowHelp(Cause.squash(cause))) return 2
  const failure = failureOf(cause)
  tell(args, failure)
  if (isVerbose(args)) complain(Cause.pretty(cause))
  return failure.exitCode
}

/** The presenter has said what was wrong with the words. */
const isShowHelp = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "ShowHelp"
