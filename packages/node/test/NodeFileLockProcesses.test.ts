/** The lock among real processes: `kill -9`, the flock program, machines without koffi or flock. */
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { FileLock } from "@signalbox/core/FileLock"
import { Flock } from "@signalbox/node/Flock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Deferred, Effect, Fiber, Layer, Queue, Random } from "effect"
import { type Started, script, start } from "./processes/Process.ts"

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-lock-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
)
const lockPath = Effect.map(directory, (root) => join(root, "document.lock"))

const once = { timeout: 0 } as const
const patiently = { timeout: "1 minute" } as const
const flockRefuses = (path: string) => spawnSync("flock", ["-n", path, "true"]).status === 1

/** The next line of a process. Its end without a line fails the test. */
const said = (process: Started) => Effect.orDie(Queue.take(process.lines))

/** Counts the acknowledgements until the output ends, and kills the process at a given one. */
const acknowledged = Effect.fnUntraced(function* (process: Started, killAt: number | undefined) {
  let count = 0
  if (killAt === 0) process.child.kill("SIGKILL")
  yield* Queue.take(process.lines).pipe(
    Effect.andThen(Effect.sync(() => ++count === killAt && process.child.kill("SIGKILL"))),
    Effect.forever,
    Effect.ignore,
  )
  return { count, exit: yield* process.exit }
})

const torture = process.env["SIGNALBOX_TORTURE"] === "1"
const PROCESSES = torture ? 8 : 4
const INCREMENTS = torture ? 10_000 : 100
const KILLS_PER_PROCESS = torture ? 20 : 1

/** One of eight workers: killed at random acknowledgements, and restarted with the rest until all are acknowledged. */
const incrementer = Effect.fnUntraced(function* (lockFile: string, counterFile: string) {
  let [missing, kills] = [INCREMENTS, 0]
  while (missing > 0) {
    const killAt = kills < KILLS_PER_PROCESS ? yield* Random.nextIntBetween(0, Math.ceil(missing / 2)) : undefined
    const process = yield* script("increment.ts", [lockFile, counterFile, String(missing)])
    const { count, exit } = yield* acknowledged(process, killAt)
    missing -= count
    if (exit === "SIGKILL") kills++
    else assert.strictEqual(exit, 0)
  }
  return kills
}, Effect.scoped)

describe("NodeFileLock among processes", () => {
  it.live(
    `loses no increment of ${PROCESSES} processes that increment one number ${INCREMENTS} times each while they are killed`,
    () =>
      Effect.gen(function* () {
        const root = yield* directory
        const [lockFile, counterFile] = [join(root, "counter.lock"), join(root, "counter")]
        writeFileSync(counterFile, "0".padStart(12))
        const kills = yield* Effect.forEach(
          Array.from({ length: PROCESSES }),
          () => incrementer(lockFile, counterFile),
          { concurrency: "unbounded" },
        )
        const killed = kills.reduce((sum, each) => sum + each, 0)
        const count = Number(readFileSync(counterFile, "utf8"))
        // A kill between a write and its acknowledgement adds one increment at most.
        assert.isAtLeast(count, PROCESSES * INCREMENTS)
        assert.isAtMost(count, PROCESSES * INCREMENTS + killed)
        assert.isAtLeast(killed, PROCESSES)
      }),
  )

  for (const [name, flock] of [
    ["the kernel's call", Flock.layerKernel],
    ["the flock program", Flock.layerProgram],
  ] as const) {
    const layer = Layer.provideMerge(NodeFileLock.layerFlock, flock)

    it.live(`frees the lock of a holder that was killed, for a waiter through ${name}`, () =>
      Effect.gen(function* () {
        const [lock, path] = [yield* FileLock, yield* lockPath]
        const holder = yield* script("hold.ts", [path])
        assert.strictEqual(yield* said(holder), "held by kernel")
        const refused = yield* Effect.flip(lock.withLock(path, once)(Effect.void))
        assert.include(refused.message, `held by pid ${holder.child.pid}, started 20`)
        assert.isTrue(flockRefuses(path))
        const waiting = yield* Effect.forkChild(lock.withLock(path, patiently)(Effect.sync(() => flockRefuses(path))))
        holder.child.kill("SIGKILL")
        assert.strictEqual(yield* holder.exit, "SIGKILL")
        assert.isTrue(yield* Fiber.join(waiting))
        assert.isFalse(flockRefuses(path))
      }).pipe(Effect.provide(layer)),
    )

    it.live(`waits through ${name} while the flock program holds the lock`, () =>
      Effect.gen(function* () {
        const [lock, path] = [yield* FileLock, yield* lockPath]
        const stranger = yield* start("flock", [path, "sh", "-c", "echo held; cat"])
        assert.strictEqual(yield* said(stranger), "held")
        const refused = yield* Effect.flip(lock.withLock(path, once)(Effect.void))
        assert.strictEqual(refused.reason._tag, "LockTimedOut")
        const had = yield* Deferred.make<void>()
        const waiting = yield* Effect.forkChild(lock.withLock(path, patiently)(Deferred.succeed(had, void 0)))
        assert.isFalse(yield* Deferred.isDone(had))
        stranger.child.stdin?.end()
        yield* Fiber.join(waiting)
        assert.strictEqual(yield* stranger.exit, 0)
      }).pipe(Effect.provide(layer)),
    )

    it.live(`blocks the flock program while the lock is held through ${name}`, () =>
      Effect.gen(function* () {
        const [lock, path] = [yield* FileLock, yield* lockPath]
        const stranger = yield* lock.withLock(path)(
          Effect.gen(function* () {
            assert.isTrue(flockRefuses(path))
            const stranger = yield* start("flock", [path, "echo", "held"])
            assert.strictEqual(yield* Queue.size(stranger.lines), 0)
            return stranger
          }),
        )
        assert.strictEqual(yield* said(stranger), "held")
      }).pipe(Effect.provide(layer)),
    )
  }

  it.live("uses the kernel's call if koffi's binary is in an unusual place", () =>
    Effect.gen(function* () {
      const path = yield* lockPath
      const elsewhere = ["--require", join(import.meta.dirname, "processes", "koffi-elsewhere.cjs")]
      const holder = yield* script("hold.ts", [path], { nodeArgs: elsewhere })
      assert.strictEqual(yield* said(holder), "held by kernel")
      assert.isTrue(flockRefuses(path))
    }),
  )

  const withoutKoffi = ["--require", join(import.meta.dirname, "processes", "without-koffi.cjs")]

  it.live("uses the flock program on the same lock if koffi has no binary", () =>
    Effect.gen(function* () {
      const path = yield* lockPath
      const holder = yield* script("hold.ts", [path], { nodeArgs: withoutKoffi })
      assert.strictEqual(yield* said(holder), "held by program")
      assert.isTrue(flockRefuses(path))
      const second = yield* script("hold.ts", [path, "0"])
      assert.include(yield* said(second), `LockTimedOut: ${path} is locked (held by pid ${holder.child.pid}`)
    }),
  )

  it.live("fails with LockUnavailable and a hint without koffi and flock, and creates no file", () =>
    Effect.gen(function* () {
      const path = yield* lockPath
      const process = yield* script("hold.ts", [path], { nodeArgs: withoutKoffi, env: { PATH: "/nowhere" } })
      const message = yield* said(process)
      assert.include(
        message,
        `LockUnavailable: ${path} cannot be locked: koffi cannot be loaded: Cannot find the native Koffi module`,
      )
      assert.include(message, "there is no flock program")
      assert.include(message, "install util-linux, or koffi")
      assert.throws(() => readFileSync(path))
      assert.strictEqual(yield* process.exit, 0)
    }),
  )
})
