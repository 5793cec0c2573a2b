/** Runs the bundled command as a process, in a home directory that is removed with the test. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { inject } from "@effect/vitest"
import { Effect, Queue, type Scope } from "effect"
import "./globalSetup.ts"

const built = inject("built")

/** The command's script in the bundle. */
export const program = join(built, "bundle", "signalbox.cjs")

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  /** Standard input. Empty without it. */
  readonly input?: string
  readonly env?: Readonly<Record<string, string>>
}

export interface Home {
  readonly directory: string
  /** The path of the default document. */
  readonly config: string
  readonly env: Readonly<Record<string, string>>
  readonly run: (args: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<Ended>
  /** Standard output as JSON. Dies when the command fails. */
  readonly json: <A = any>(args: ReadonlyArray<string>, options?: RunOptions) => Effect.Effect<A>
  /** Starts `serve --port 0` and waits until it listens. */
  readonly host: (args?: ReadonlyArray<string>) => Effect.Effect<Running, never, Scope.Scope>
}

/** `doctor` checks whether the default port is free, which depends on the machine. */
const anyPort = { SIGNALBOX_PORT: "0" }

export const home: Effect.Effect<Home, never, Scope.Scope> = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-cli-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
  )
  const cache = join(built, "cache")
  mkdirSync(cache, { recursive: true })
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: directory,
    XDG_DATA_HOME: join(directory, "data"),
    XDG_CACHE_HOME: cache,
    TMPDIR: directory,
  }
  const run: Home["run"] = (args, options) =>
    runProgram(process.execPath, [program, ...args], args.includes("doctor") ? { ...anyPort, ...env } : env, options)
  return {
    directory,
    config: join(directory, "data", "signalbox", "config.json"),
    env,
    run,
    json: (args, options) =>
      Effect.flatMap(run([...args, "--json"], options), ({ code, stderr, stdout }) =>
        code === 0
          ? Effect.sync(() => JSON.parse(stdout))
          : Effect.die(new Error(`signalbox ${args.join(" ")} ended with ${code}: ${stderr}`)),
      ),
    host: (args = []) =>
      Effect.gen(function* () {
        const host = yield* started(process.execPath, [program, "serve", "--port", "0", ...args], env)
        yield* host.lineWith("listens on")
        return host
      }),
  }
})

/** Runs a program to its end. */
export const runProgram = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
  options: RunOptions = {},
): Effect.Effect<Ended> =>
  Effect.callback((resume) => {
    const child = spawn(command, args, { env: { ...env, ...options.env }, stdio: "pipe" })
    let [stdout, stderr] = ["", ""]
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    // The program may end without reading its input.
    child.stdin.on("error", () => {})
    child.stdin.end(options.input ?? "")
    child.once("close", (code, signal) => resume(Effect.succeed({ code: code ?? signal ?? "gone", stdout, stderr })))
    return ending(child)
  })

export interface Running {
  readonly child: ChildProcess
  /** Waits for the next line of standard output that holds `text`, and drops the lines before it. Dies with all output when the program ends first. */
  readonly lineWith: (text: string) => Effect.Effect<string>
  readonly signal: (signal: NodeJS.Signals) => void
  readonly ended: Effect.Effect<number | string>
  /** Standard error until now. */
  readonly stderr: () => string
}

/** Starts a program, and kills it when the Scope closes. */
export const started = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string>()
    const seen: Array<string> = []
    let stderr = ""
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(command, args, { env, stdio: "pipe" })),
      ending,
    )
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    createInterface(child.stdout).on("line", (line) => {
      seen.push(line)
      Queue.offerUnsafe(lines, line)
    })
    const exit = new Promise<number | string>((resolve) =>
      child.once("close", (code, signal) => {
        Queue.offerUnsafe(lines, endOfOutput)
        resolve(code ?? signal ?? "gone")
      }),
    )
    const lineWith = (text: string): Effect.Effect<string> =>
      Effect.flatMap(Queue.take(lines), (line) => {
        if (line.includes(text)) return Effect.succeed(line)
        if (line !== endOfOutput) return lineWith(text)
        return Effect.die(new Error(`no line with ${JSON.stringify(text)}:\n${seen.join("\n")}\n${stderr}`))
      })
    return {
      child,
      lineWith,
      signal: (signal) => void child.kill(signal),
      ended: Effect.promise(() => exit),
      stderr: () => stderr,
    }
  })

const endOfOutput = "\u0000end"

const ending = (child: ChildProcess): Effect.Effect<void> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return resume(Effect.void)
    child.once("exit", () => resume(Effect.void))
    child.kill("SIGKILL")
  })
