/** Holds the lock until it is killed. Prints `held` when its name is in the file, or the error's message. Arguments: lock file, timeout in milliseconds. */
import { readFileSync, writeSync } from "node:fs"
import { FileLock } from "@signalbox/core/FileLock"
import { Flock } from "@signalbox/node/Flock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Effect, Layer } from "effect"

const [lockFile = "", timeout = "10000"] = process.argv.slice(2)

const program = Effect.gen(function* () {
  const lock = yield* FileLock
  const { mechanism } = yield* Flock
  return yield* lock.withLock(lockFile, { timeout: Number(timeout) })(
    Effect.gen(function* () {
      yield* Effect.repeat(Effect.yieldNow, { until: () => readFileSync(lockFile, "utf8") !== "" })
      writeSync(1, `held by ${mechanism}\n`)
      return yield* Effect.never
    }),
  )
})

const alive = setInterval(() => {}, 1_000)
await Effect.runPromise(
  program.pipe(
    Effect.catchTag("FileLockError", (error) =>
      Effect.sync(() => writeSync(1, `${error.reason._tag}: ${error.message}\n`)),
    ),
    Effect.provide(Layer.provideMerge(NodeFileLock.layerFlock, Flock.layer)),
  ),
)
clearInterval(alive)
