/** Runs a program as a process, and reads its output line by line. */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { Effect, Queue, type Scope } from "effect"

export interface Running {
  readonly pid: number
  /** The next line of standard output that contains `text`; earlier lines are dropped. Dies with all output if the program ends first. */
  readonly lineWith: (text: string) => Effect.Effect<string>
  readonly write: (line: string) => void
  readonly signal: (signal: NodeJS.Signals) => void
  /** The exit code, or the signal that ended the process. */
  readonly ended: Effect.Effect<number | string>
  /** The standard error so far. */
  readonly errors: () => string
}

export const running = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string>()
    const seen: Array<string> = []
    let errors = ""
    const child = spawn(command, args, { ...options, stdio: "pipe" })
    child.stderr.on("data", (chunk) => {
      errors += String(chunk)
    })
    createInterface(child.stdout).on("line", (line) => {
      seen.push(line)
      Queue.offerUnsafe(lines, line)
    })
    const exit = new Promise<number | string>((resolve) =>
      child.on("close", (code, signal) => {
        Queue.offerUnsafe(lines, ended)
        resolve(code ?? signal ?? "gone")
      }),
    )
    yield* Effect.addFinalizer(() =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return exit
      }),
    )
    const lineWith = (text: string): Effect.Effect<string> =>
      Effect.flatMap(Queue.take(lines), (line) => {
        if (line.includes(text)) return Effect.succeed(line)
        if (line !== ended) return lineWith(text)
        return Effect.die(new Error(`no line with ${JSON.stringify(text)}:\n${seen.join("\n")}\n${errors}`))
      })
    return {
      pid: child.pid ?? 0,
      lineWith,
      write: (line) => void child.stdin.write(`${line}\n`),
      signal: (signal) => void child.kill(signal),
      ended: Effect.promise(() => exit),
      errors: () => errors,
    }
  })

const ended = "\u0000ended"
