/**
 * Increments the counter file under the lock, and prints one line for each increment after releasing the lock: the acknowledgement, which a
 * kill cannot revoke. Arguments: lock file, counter file, times.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs"
import { FileLock } from "@signalbox/core/FileLock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Effect } from "effect"

const [lockFile = "", counterFile = "", times = "0"] = process.argv.slice(2)

const increment = Effect.gen(function* () {
  const count = Number(readFileSync(counterFile, "utf8"))
  // Yields between read and write, so that a broken lock would lose increments.
  yield* Effect.yieldNow
  const fd = openSync(counterFile, "r+")
  // One write of fixed width: a kill leaves the old number or the new one.
  writeSync(fd, String(count + 1).padStart(12), 0)
  closeSync(fd)
})

const program = Effect.gen(function* () {
  const lock = yield* FileLock
  for (let i = 0; i < Number(times); i++) {
    yield* lock.withLock(lockFile, { timeout: "1 minute" })(increment)
    writeSync(1, ".\n")
  }
})

await Effect.runPromise(Effect.provide(program, NodeFileLock.layer))
