/** Runs the programs of this directory as processes: hosts on a real document, started and ended by the tests. */
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Queue } from "effect"
import { type Started, start } from "../processes/Process.ts"

export const temporaryDirectory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
)

export const command = (name: string, args: ReadonlyArray<string>): ReadonlyArray<string> => [
  process.execPath,
  "--conditions=@signalbox/source",
  join(import.meta.dirname, name),
  ...args,
]

/** Starts a program with the Node that runs the tests. */
export const program = (name: string, args: ReadonlyArray<string>) => {
  const [node = "", ...rest] = command(name, args)
  return start(node, rest)
}

/** The next line of a process. Its end without a line fails the test. */
export const said = (process: Started) => Effect.orDie(Queue.take(process.lines))

/** The next line as a JSON value. */
export const told = <A = any>(process: Started): Effect.Effect<A> =>
  Effect.map(said(process), (line): A => JSON.parse(line))

/** All remaining output. */
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
