/**
 * The durable file operations of an update and nothing else, under the kernel's lock. With `barePair` those of the history's copy as well.
 * Arguments: home, a name, times, `bare` or `barePair`.
 */
import { once } from "node:events"
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, writeSync } from "node:fs"
import { join } from "node:path"
import { FileExchange } from "@signalbox/core/FileExchange"
import { Flock } from "@signalbox/node/Flock"
import * as NodeFileExchange from "@signalbox/node/NodeFileExchange"
import { Effect } from "effect"

const [home = "", name = "", times = "0", kind = ""] = process.argv.slice(2)
const directory = join(home, "host")
const history = join(directory, "history")
const file = join(directory, "config.json")

const writeDurably = (path: string, bytes: Uint8Array) => {
  const fd = openSync(path, "wx", 0o600)
  writeSync(fd, bytes)
  fsyncSync(fd)
  closeSync(fd)
}

const syncDirectory = (path: string) => {
  const fd = openSync(path, "r")
  fsyncSync(fd)
  closeSync(fd)
}

const main = Effect.gen(function* () {
  const flock = yield* Flock
  const exchange = yield* FileExchange
  if (exchange === undefined) throw new Error("there is no exchange here")
  const bytes = readFileSync(file)
  const lock = openSync(`${file}.lock`, "r+")
  const kept = readdirSync(history)
  const temporary = join(directory, `.${name}.new`)
  const copy = join(history, `.${name}.new`)
  yield* Effect.promise(async () => {
    writeSync(1, "ready\n")
    await once(process.stdin, "data")
    process.stdin.pause()
  })
  const start = process.cpuUsage()
  for (let i = 0; i < Number(times); i++) {
    yield* flock.lock(lock, "exclusive")
    writeDurably(temporary, bytes)
    yield* exchange(temporary, file)
    unlinkSync(temporary)
    syncDirectory(directory)
    if (kind === "barePair") {
      writeDurably(copy, bytes)
      renameSync(copy, join(history, kept[i % kept.length]!))
      syncDirectory(history)
    }
    flock.unlockSync(lock)
  }
  const { system, user } = process.cpuUsage(start)
  writeSync(1, `done ${JSON.stringify({ cpuMillis: (user + system) / 1000 / Number(times) })}\n`)
})

await Effect.runPromise(main.pipe(Effect.provide([Flock.layer, NodeFileExchange.layer])))
