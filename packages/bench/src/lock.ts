/** `FileLock` against proper-lockfile: a free lock taken and let go, and eight processes that take turns. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { FileLock } from "@signalbox/core/FileLock"
import { Flock } from "@signalbox/node/Flock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Context, Effect, Layer, ManagedRuntime } from "effect"
import properLockfile from "proper-lockfile"
import { type Case, report } from "./measure.ts"

const FREE = 500
const PEER_FREE = 10
const PROCESSES = 8
const ROUNDS = 2

export const run = async (): Promise<void> => {
  const root = mkdtempSync(join(tmpdir(), "signalbox-bench-lock-"))
  const runtime = ManagedRuntime.make(Layer.provideMerge(NodeFileLock.layerFlock, Flock.layer))
  try {
    const context = await runtime.context()
    const free = await leastDisturbed(freeCases(root, Context.get(context, FileLock), Context.get(context, Flock)))
    const turns = { ours: Number.POSITIVE_INFINITY, peer: Number.POSITIVE_INFINITY }
    for (let round = 0; round < ROUNDS; round++) {
      turns.ours = Math.min(turns.ours, await takeTurns(root, "ours", 500))
      turns.peer = Math.min(turns.peer, await takeTurns(root, "peer", 20))
    }
    report("lock: how many times faster than proper-lockfile", [
      { name: "a free lock: withLock", ratio: free.peer / free.ours, target: ["≥", 50] },
      { name: "a free lock: acquire in a Scope", ratio: free.peer / free.acquire },
      { name: "a free lock: a shared one", ratio: free.peer / free.shared },
      { name: `${PROCESSES} processes take turns: critical sections`, ratio: turns.peer / turns.ours },
    ])
    report("lock: cost against less", [
      { name: "a free lock: withLock, against bare flock and unlock of an open file", ratio: free.ours / free.bare },
      { name: "a free lock: withLock, against the memory layer's", ratio: free.ours / free.memory },
    ])
  } finally {
    await runtime.dispose()
    rmSync(root, { recursive: true })
  }
}

/**
 * As `interleave`, in slices of a few milliseconds: on a busy machine a longer one is never undisturbed. A slice that is not measured goes
 * before each, so that no case pays for the garbage and the cold caches of the one before.
 */
const leastDisturbed = async <const K extends string>(cases: Readonly<Record<K, Case>>): Promise<Record<K, number>> => {
  const names = Object.keys(cases) as Array<K>
  const best = Object.fromEntries(names.map((name) => [name, Number.POSITIVE_INFINITY])) as Record<K, number>
  for (let round = 0; round < 100; round++) {
    for (const name of names) {
      await cases[name]()
      const start = process.hrtime.bigint()
      const operations = await cases[name]()
      best[name] = Math.min(best[name], Number(process.hrtime.bigint() - start) / operations)
    }
  }
  return best
}

const freeCases = (root: string, lock: FileLock["Service"], flock: Flock["Service"]) => {
  // Not beside `target`: proper-lockfile's own lock is a directory named like ours.
  const path = join(root, "ours.lock")
  const target = join(root, "free")
  writeFileSync(target, "")
  const memory = Effect.runSync(Effect.scoped(Effect.map(Layer.build(FileLock.layerMemory), Context.get(FileLock))))
  const times = async (effect: Effect.Effect<void, unknown>) => {
    await Effect.runPromise(Effect.replicateEffect(effect, FREE, { discard: true }))
    return FREE
  }
  return {
    ours: () => times(lock.withLock(path)(Effect.void)),
    acquire: () => times(Effect.scoped(lock.acquire(path))),
    shared: () => times(lock.withLock(path, { mode: "shared" })(Effect.void)),
    memory: () => times(memory.withLock(path)(Effect.void)),
    bare: () => {
      const fd = openSync(target, "r+")
      for (let i = 0; i < FREE; i++) {
        flock.tryLockSync(fd, "exclusive")
        flock.unlockSync(fd)
      }
      closeSync(fd)
      return FREE
    },
    peer: async () => {
      for (let i = 0; i < PEER_FREE; i++) await (await properLockfile.lock(target))()
      return PEER_FREE
    },
  }
}

/** Nanoseconds for each critical section while eight processes run `sections` each, from their common start to the last one's end. */
const takeTurns = async (root: string, whose: "ours" | "peer", sections: number): Promise<number> => {
  const file = join(root, whose)
  writeFileSync(file, "0")
  const worker = join(import.meta.dirname, "lock", "worker.ts")
  const workers = Array.from({ length: PROCESSES }, () =>
    spawn(process.execPath, ["--conditions=@signalbox/source", worker, whose, file, String(sections)], {
      stdio: ["pipe", "pipe", "inherit"],
    }),
  )
  try {
    await Promise.all(workers.map(said))
    const start = process.hrtime.bigint()
    const done = workers.map(said)
    for (const { stdin } of workers) stdin.end("go")
    await Promise.all(done)
    const took = Number(process.hrtime.bigint() - start)
    const lost = PROCESSES * sections - Number(readFileSync(file, "utf8"))
    if (lost !== 0) process.stdout.write(`  ${whose}: ${lost} of ${PROCESSES * sections} increments lost\n`)
    return took / (PROCESSES * sections)
  } finally {
    for (const child of workers) child.kill("SIGKILL")
  }
}

const said = (child: ChildProcess): Promise<unknown> =>
  Promise.race([
    once(child.stdout!, "data"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`a worker ended with ${code}`))),
  ])
