/** Hosts as processes: started in a Scope and killed with it. Queues hold the lines of their output. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import type { Readable } from "node:stream"
import type { Host } from "@signalbox/server"
import { type Cause, Effect, Queue, type Scope } from "effect"

export interface ProcessOutput {
  /** The lines; ends with the output. */
  readonly lines: Queue.Dequeue<string, Cause.Done>
  /** All lines so far. */
  readonly printed: ReadonlyArray<string>
}

export interface Started {
  readonly child: ChildProcess
  readonly out: ProcessOutput
  readonly err: ProcessOutput
  /** The exit code, or the name of the signal. */
  readonly exit: Effect.Effect<number | string>
}

export const temporaryDirectory: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "signalbox-host-"))),
  (directory) => Effect.sync(() => rmSync(directory, { recursive: true, force: true })),
)

export const start = (
  command: string,
  args: ReadonlyArray<string>,
  env: Readonly<Record<string, string>> = {},
): Effect.Effect<Started, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* Effect.acquireRelease(
      Effect.sync(() => spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...clean, ...env } })),
      (child) =>
        Effect.andThen(
          Effect.sync(() => child.kill("SIGKILL")),
          ended(child),
        ),
    )
    return { child, out: yield* outputOf(child.stdout), err: yield* outputOf(child.stderr), exit: ended(child) }
  })

/** The environment without settings for a host. */
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("SIGNALBOX_")))

/** The command that starts a host, on a free port unless the options name one. */
export const command = (options: Host.Options): readonly [string, ...Array<string>] => [
  process.execPath,
  "--conditions=@signalbox/source",
  join(import.meta.dirname, "serve.ts"),
  JSON.stringify({ port: 0, ...options }),
]

export const startHost = (options: Host.Options, env?: Readonly<Record<string, string>>) => {
  const [program, ...args] = command(options)
  return start(program, args, env)
}

export interface Serving extends Started {
  readonly url: string
}

/** Starts a host and waits until it serves. */
export const serving = Effect.fnUntraced(function* (
  options: Host.Options,
  env?: Readonly<Record<string, string>>,
): Effect.fn.Return<Serving, Cause.Done | Cause.NoSuchElementError, Scope.Scope> {
  const started = yield* startHost(options, env)
  const first = yield* until(started, /istens on http|Listening on http/)
  yield* until(started, /host\.started/)
  const url = /http:\/\/[\w.:[\]]+/.exec(first)?.[0] ?? ""
  return { ...started, url }
})

/** Takes lines until one matches. The failure contains the whole output. */
export const until = ({ err, out }: Pick<Started, "out" | "err">, pattern: RegExp): Effect.Effect<string> =>
  Effect.gen(function* () {
    for (;;) {
      const line = yield* Queue.take(out.lines)
      if (pattern.test(line)) return line
    }
  }).pipe(
    Effect.catch(() =>
      Effect.die(
        new Error(
          `printed no line that matches ${pattern}:\n${[...out.printed, "on stderr:", ...err.printed].join("\n")}`,
        ),
      ),
    ),
  )

/** Takes all lines until the output ends. */
export const rest = ({ lines }: ProcessOutput): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const all: Array<string> = []
    for (;;) {
      const line = yield* Effect.option(Queue.take(lines))
      if (line._tag === "None") return all
      all.push(line.value)
    }
  })

const outputOf = Effect.fnUntraced(function* (stream: Readable) {
  const lines = yield* Queue.unbounded<string, Cause.Done>()
  const printed: Array<string> = []
  const reader = createInterface(stream)
  reader.on("line", (line) => {
    printed.push(line)
    Queue.offerUnsafe(lines, line)
  })
  reader.on("close", () => Queue.endUnsafe(lines))
  return { lines, printed }
})

const ended = (child: ChildProcess): Effect.Effect<number | string> =>
  Effect.callback((resume) => {
    const response = () => resume(Effect.succeed(child.signalCode ?? child.exitCode ?? "not started"))
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) response()
    else child.once("exit", response)
  })
