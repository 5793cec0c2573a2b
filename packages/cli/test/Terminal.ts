/** The command on a terminal of its own, which script(1) makes. */
import { spawn } from "node:child_process"
import { Effect, type Scope } from "effect"

export interface Typed {
  /** Waits until the terminal has shown this, after all that was waited for before. */
  readonly shows: (text: string) => Effect.Effect<void>
  readonly type: (keys: string) => Effect.Effect<void>
  readonly ended: Effect.Effect<number | string>
  /** Everything that was shown. */
  readonly screen: () => string
}

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

export const onTerminal = (
  command: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
): Effect.Effect<Typed, never, Scope.Scope> =>
  Effect.gen(function* () {
    let screen = ""
    let seen = 0
    const waiting = new Set<() => void>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn("script", ["--quiet", "--return", "--command", command.map(quoted).join(" "), "/dev/null"], {
          env: { TERM: "xterm", ...env },
          stdio: "pipe",
        }),
      ),
      (child) => Effect.sync(() => void child.kill("SIGKILL")),
    )
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      screen += text
      for (const wake of waiting) wake()
    })
    child.stdin.on("error", () => {})
    const exit = new Promise<number | string>((resolve) => {
      child.once("close", (code, signal) => {
        resolve(code ?? signal ?? "gone")
        for (const wake of waiting) wake()
      })
    })
    return {
      shows: (text) =>
        Effect.callback((resume) => {
          const look = () => {
            const at = screen.indexOf(text, seen)
            if (at !== -1) {
              seen = at + text.length
              waiting.delete(look)
              resume(Effect.void)
            } else if (child.exitCode !== null) {
              waiting.delete(look)
              resume(Effect.die(new Error(`the terminal never showed ${JSON.stringify(text)}:\n${screen}`)))
            }
          }
          waiting.add(look)
          look()
          return Effect.sync(() => waiting.delete(look))
        }),
      type: (keys) => Effect.sync(() => void child.stdin.write(keys)),
      ended: Effect.promise(() => exit),
      screen: () => screen,
    }
  })
