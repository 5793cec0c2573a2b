/**
 * Increments the counter file under the lock, so many times, and writes one line to standard output for each increment after it has been
 * let go: the acknowledgement, which a kill cannot take back. Arguments: lock file, counter file, times.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs"
import { FileLock } from "@signalbox/core/FileLock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Effect } from "effect"

const [lockFile = "", counterFile = "", times = "0"] = process.argv.slice(2)

const increment = Effect.gen(function* () {
  const count = Number(readFileSync(counterFile, "utf8"))
  // Between reading and writing everybody else gets his chance to spoil it.
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
