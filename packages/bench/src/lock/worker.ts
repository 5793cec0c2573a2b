/**
 * One of several processes that take turns at one lock. Prints `ready`, waits for a line, runs its critical sections, prints `done`.
 * Arguments: whose lock (`ours`, `peer`), file, sections.
 */

import { once } from "node:events"
import { readFileSync, writeFileSync, writeSync } from "node:fs"
import { FileLock } from "@signalbox/core/FileLock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Effect } from "effect"
import properLockfile from "proper-lockfile"

const [whose = "", file = "", sections = "0"] = process.argv.slice(2)

const increment = () => writeFileSync(file, String(Number(readFileSync(file, "utf8")) + 1))

const ours = Effect.gen(function* () {
  const lock = yield* FileLock
  const section = lock.withLock(`${file}.lock`, { timeout: "Infinity" })(Effect.sync(increment))
  // Warm, and not measured: the first use loads koffi.
  yield* lock.withLock(`${file}.warm`)(Effect.void)
  yield* Effect.promise(go)
  for (let i = 0; i < Number(sections); i++) yield* section
}).pipe(Effect.provide(NodeFileLock.layer))

const peer = async () => {
  await go()
  const retries = { retries: 100_000, factor: 1, minTimeout: 1, maxTimeout: 2, randomize: true }
  for (let i = 0; i < Number(sections); i++) {
    const release = await properLockfile.lock(file, { retries })
    increment()
    await release()
  }
}

const go = async () => {
  writeSync(1, "ready\n")
  await once(process.stdin, "data")
  process.stdin.pause()
}

await (whose === "ours" ? Effect.runPromise(ours) : peer())
writeSync(1, "done\n")
