/**
 * A stand-in for the platform services that effect/cli requires. No flag of this command names an existing file and no flag prompts, so none of them
 * is used; commands provide the real services where they need them. Loading the real ones takes half as long as starting Node.
 */
import { Effect, FileSystem, Layer, Path, Sink, Stdio, Stream, Terminal } from "effect"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"

const missing = Effect.die(
  new Error("the platform services are not available: provide @effect/platform-node/NodeServices"),
)

export const layer = Layer.mergeAll(
  FileSystem.layerNoop({}),
  Path.layer,
  Layer.succeed(
    Stdio.Stdio,
    Stdio.make({
      args: Effect.succeed([]),
      stdin: Stream.empty,
      stdout: () => Sink.drain,
      stderr: () => Sink.drain,
    }),
  ),
  Layer.succeed(
    Terminal.Terminal,
    Terminal.make({
      columns: missing,
      rows: missing,
      size: missing,
      readInput: missing,
      readLine: missing,
      display: () => missing,
    }),
  ),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => missing),
  ),
)
