/**
 * The platform that effect/cli asks for before it reads a word, without what nobody here uses of it: none of our flags names a file that must
 * exist, nothing is asked while flags are read, and handlers bring what they need. The real one takes as long as half a start of node.
 */
import { Effect, FileSystem, Layer, Path, Sink, Stdio, Stream, Terminal } from "effect"
import * as ChildProcessSpawner from "effect/process/ChildProcessSpawner"

const absent = Effect.die(
  new Error("the platform is not there: provide @effect/platform-node/NodeServices around this"),
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
      columns: absent,
      rows: absent,
      size: absent,
      readInput: absent,
      readLine: absent,
      display: () => absent,
    }),
  ),
  Layer.succeed(
    ChildProcessSpawner.ChildProcessSpawner,
    ChildProcessSpawner.make(() => absent),
  ),
)
