/** The programs of this directory as processes: hosts on a real document, started and ended by the tests. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Queue } from "effect"
import { type Started, start } from "../processes/Process.ts"

export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
)

export interface ProgramOptions {
  /** Where Node keeps what it has compiled: tests that start hundreds of processes spend half their time there. */
  readonly compileCache?: string
}

export const command = (name: string, args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  "--conditions=@signalbox/source",
  join(import.meta.dirname, name),
  ...args,
]

/** A program under the node that runs the tests. */
export const program = (name: string, args: ReadonlyArray<string>, { compileCache }: ProgramOptions = {}) => {
  const [node = "", ...rest] = command(name, args)
  return start(node, rest, {
    ...process.env,
    ...(compileCache === undefined ? {} : { NODE_COMPILE_CACHE: compileCache }),
  })
}

/** The line that a process says next; its death in silence fails the test. */
export const said = (process: Started) => Effect.orDie(Queue.take(process.lines))

/** The same as data: each line is a JSON value. */
export const told = <A = any>(process: Started): Effect.Effect<A> =>
  Effect.map(said(process), (line): A => JSON.parse(line))

/** Whatever is said until the output ends. */
export const rest = (process: Started): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    yield* Queue.take(process.lines).pipe(
      Effect.andThen((line) => Effect.sync(() => void lines.push(line))),
      Effect.forever,
      Effect.ignore,
    )
    return lines
  })
