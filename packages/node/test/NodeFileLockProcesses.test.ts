/** The lock among real processes: kill -9, the flock program as a stranger, machines where koffi or flock are missing. */
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

/** The line that a process says next; its death in silence fails the test. */
const said = (process: Started) => Effect.orDie(Queue.take(process.lines))

/** Counts the acknowledgements until the output ends, and kills the process at one of them, if asked to. */
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

const PROCESSES = 8
const torture = process.env["SIGNALBOX_TORTURE"] === "1"
const INCREMENTS = torture ? 10_000 : 500
const KILLS_PER_PROCESS = torture ? 20 : 2

/** One of the eight: killed at random acknowledgements, started again with what is missing until all are acknowledged. */
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
    `8 processes increment one number ${INCREMENTS} times each while they are killed: the number is what they acknowledged`,
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
        // A kill between the write and its acknowledgement leaves one increment more, and only that.
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

    it.live(`A dead holder's lock is free: whoever waits for it through ${name} has it after kill -9`, () =>
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

    it.live(`What the flock program holds is refused through ${name}, and had as soon as it lets go`, () =>
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

    it.live(`What is held through ${name} keeps the flock program waiting until it is let go`, () =>
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

  it.live("Where koffi's binary is not where it usually lies, koffi finds it: the kernel's call is made", () =>
    Effect.gen(function* () {
      const path = yield* lockPath
      const elsewhere = ["--require", join(import.meta.dirname, "processes", "koffi-elsewhere.cjs")]
      const holder = yield* script("hold.ts", [path], { nodeArgs: elsewhere })
      assert.strictEqual(yield* said(holder), "held by kernel")
      assert.isTrue(flockRefuses(path))
    }),
  )

  const withoutKoffi = ["--require", join(import.meta.dirname, "processes", "without-koffi.cjs")]

  it.live("Where koffi has no binary the flock program takes its place, on the same lock", () =>
    Effect.gen(function* () {
      const path = yield* lockPath
      const holder = yield* script("hold.ts", [path], { nodeArgs: withoutKoffi })
      assert.strictEqual(yield* said(holder), "held by program")
      assert.isTrue(flockRefuses(path))
      const second = yield* script("hold.ts", [path, "0"])
      assert.include(yield* said(second), `LockTimedOut: ${path} is locked (held by pid ${holder.child.pid}`)
    }),
  )

  it.live(
    "Where there is neither koffi nor flock a lock is refused as LockUnavailable, saying what to install, and no file is made",
    () =>
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
