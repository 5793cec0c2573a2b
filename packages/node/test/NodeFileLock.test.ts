import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileLockSuite } from "@signalbox/core/testing/FileLockSuite"
import { Flock } from "@signalbox/node/Flock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Effect, Layer } from "effect"

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-lock-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
)

const kernel = NodeFileLock.layerFlock.pipe(Layer.provide(Flock.layerKernel))
const program = NodeFileLock.layerFlock.pipe(Layer.provide(Flock.layerProgram))

fileLockSuite("NodeFileLock through the kernel's call", kernel, directory)
fileLockSuite("NodeFileLock through the flock program", program, directory)
