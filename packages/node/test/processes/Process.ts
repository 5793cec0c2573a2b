/** Real processes for tests: a Scope starts and kills them, and a queue receives their lines of output. */
import { type ChildProcess, spawn } from "node:child_process"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { type Cause, Effect, Queue, type Scope } from "effect"

export interface Started {
  readonly child: ChildProcess
  /** The next line of standard output. The queue ends with the output. */
  readonly lines: Queue.Dequeue<string, Cause.Done>
  /** Exit code, or the signal's name. */
  readonly exit: Effect.Effect<number | string>
}

/** Half of the start of such a process is compilation. Later runs of the tests find its result here. */
const compileCache = join(import.meta.dirname, "../../../../node_modules/.cache/signalbox-tests")

export const start = (
  command: string,
  args: ReadonlyArray<string>,
  env: NodeJS.ProcessEnv = process.env,
): Effect.Effect<Started, never, Scope.Scope> =>
  Effect.gen(function* () {
    const lines = yield* Queue.unbounded<string, Cause.Done>()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env: { NODE_COMPILE_CACHE: compileCache, ...env } }),
      ),
      (child) =>
        Effect.andThen(
          Effect.sync(() => child.kill("SIGKILL")),
          ended(child),
        ),
    )
    const reader = createInterface(child.stdout)
    reader.on("line", (line) => Queue.offerUnsafe(lines, line))
    reader.on("close", () => Queue.endUnsafe(lines))
    return { child, lines, exit: ended(child) }
  })

/** A script of this directory under the node that runs the tests. */
export const script = (
  name: string,
  args: ReadonlyArray<string>,
  options: { readonly nodeArgs?: ReadonlyArray<string>; readonly env?: NodeJS.ProcessEnv } = {},
) =>
  start(
    process.execPath,
    ["--conditions=@signalbox/source", ...(options.nodeArgs ?? []), join(import.meta.dirname, name), ...args],
    options.env,
  )

const ended = (child: ChildProcess): Effect.Effect<number | string> =>
  Effect.callback((resume) => {
    const answer = () => resume(Effect.succeed(child.signalCode ?? child.exitCode ?? "not started"))
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) answer()
    else child.once("exit", answer)
  })
