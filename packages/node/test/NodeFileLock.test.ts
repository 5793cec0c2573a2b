import { spawnSync } from "node:child_process"
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { FileLock } from "@signalbox/core/FileLock"
import { fileLockSuite } from "@signalbox/core/testing/FileLockSuite"
import { Flock } from "@signalbox/node/Flock"
import * as NodeFileLock from "@signalbox/node/NodeFileLock"
import { Effect, Exit, Fiber, Layer, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-lock-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
)

const on = (flock: Layer.Layer<Flock>) => Layer.provideMerge(NodeFileLock.layerFlock, flock)
const torture = process.env["SIGNALBOX_TORTURE"] === "1"

const kernel = on(Flock.layerKernel)
const program = on(Flock.layerProgram)

fileLockSuite("NodeFileLock through the kernel's call", kernel, directory)
// Each of its operations starts a process.
fileLockSuite("NodeFileLock through the flock program", program, directory, { rounds: torture ? 1 : 0.15 })

/** The result of `flock(1)`. */
const free = (path: string, flag: "-x" | "-s" = "-x") => spawnSync("flock", [flag, "-n", path, "true"]).status === 0

/** An open file description outside of the lock. */
const stranger = (path: string) =>
  Effect.acquireRelease(
    Effect.sync(() => openSync(path, "a+", 0o600)),
    (fd) => Effect.sync(() => closeSync(fd)),
  )

/** Waits until the lock file names its holder, and returns its text. */
const signed = (path: string) =>
  Effect.repeat(
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => readFileSync(path, "utf8")),
    ),
    { until: (text) => text !== "" },
  )

/** The number of descriptors of this process in the directory. */
const openIn = (root: string): number =>
  process.platform === "linux"
    ? readdirSync("/proc/self/fd").filter((fd) => {
        try {
          return readlinkSync(`/proc/self/fd/${fd}`).startsWith(root)
        } catch {
          return false
        }
      }).length
    : spawnSync("lsof", ["-a", "-p", String(process.pid), "-Fn"], { encoding: "utf8" }).stdout.split(root).length - 1

const specifics = (name: string, layer: Layer.Layer<FileLock | Flock>, idle: number, step = 1) =>
  describe(name, () => {
    const test = (
      title: string,
      body: (path: string, root: string) => Effect.Effect<void, unknown, FileLock | Flock | Scope.Scope>,
    ) =>
      it.effect(title, () =>
        Effect.flatMap(directory, (root) => body(join(root, "document.lock"), root)).pipe(Effect.provide(layer)),
      )

    test("creates the lock file with mode 0600 and never removes it", (path) =>
      Effect.gen(function* () {
        const lock = yield* FileLock
        yield* lock.withLock(path)(Effect.void)
        const first = statSync(path)
        assert.strictEqual(first.mode & 0o777, 0o600)
        yield* lock.withLock(path, { mode: "shared" })(Effect.void)
        yield* lock.withLock(path)(Effect.void)
        assert.strictEqual(statSync(path).ino, first.ino)
      }))

    test("excludes the flock program while it holds the lock, exclusive or shared, and no longer", (path) =>
      Effect.gen(function* () {
        const lock = yield* FileLock
        const seen = Effect.sync(() => [free(path), free(path, "-s")])
        for (let again = 0; again < 2; again++) {
          assert.deepStrictEqual(yield* lock.withLock(path)(seen), [false, false])
          assert.deepStrictEqual(yield* lock.withLock(path, { mode: "shared" })(seen), [false, true])
          assert.deepStrictEqual(yield* seen, [true, true])
        }
      }))

    test("treats every spelling of the path as one lock", (path, root) =>
      Effect.gen(function* () {
        const lock = yield* FileLock
        symlinkSync(root, join(root, "elsewhere"))
        const other = join(root, "elsewhere", "document.lock")
        const nested = lock.withLock(other, { timeout: 0 })(Effect.void)
        assert.strictEqual((yield* Effect.flip(lock.withLock(path)(nested))).reason._tag, "LockTimedOut")
        yield* nested
        assert.strictEqual(
          (yield* Effect.flip(lock.withLock(other)(lock.withLock(path, { timeout: 0 })(Effect.void)))).reason._tag,
          "LockTimedOut",
        )
      }))

    test("names a long exclusive holder in the file, and removes the name afterwards", (path) =>
      Effect.gen(function* () {
        const lock = yield* FileLock
        const text = Effect.sync(() => readFileSync(path, "utf8"))
        assert.match(
          yield* lock.withLock(path)(signed(path)),
          new RegExp(
            `^held by pid ${process.pid}, started \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z(?:, PID namespace [\\w:-]+)?\\n$`,
          ),
        )
        assert.strictEqual(yield* text, "")
        yield* lock.withLock(path)(Effect.void)
        assert.strictEqual(yield* text, "")
      }))

    test("reports the holder's line in a timeout, unless the file contains something else", (path) =>
      Effect.gen(function* () {
        const [lock, flock] = [yield* FileLock, yield* Flock]
        const note = "held by pid 4711, started 2026-01-31T12:00:00.000Z"
        const reason = lock
          .withLock(path, { timeout: 0 })(Effect.void)
          .pipe(
            Effect.flip,
            Effect.map(({ reason }) => reason),
          )
        assert.deepInclude(yield* lock.withLock(path)(reason), { holder: `held by this process, pid ${process.pid}` })
        const other = yield* stranger(path)
        yield* flock.tryLock(other, "exclusive")
        assert.notProperty(yield* reason, "holder")
        writeFileSync(path, `${note}\n`)
        assert.deepInclude(yield* reason, { holder: note })
        writeFileSync(path, `${note}, PID namespace another-boot:1\n`)
        assert.deepInclude(yield* reason, {
          holder: "held by a process in another PID namespace, started 2026-01-31T12:00:00.000Z",
        })
        writeFileSync(path, `${note}\u001b[31m; run this\n`)
        assert.notProperty(yield* reason, "holder")
        // The next holder, exclusive or shared, removes the line of a dead one.
        for (const mode of ["exclusive", "shared"] as const) {
          writeFileSync(path, `${note}\n`)
          flock.unlockSync(other)
          yield* lock.withLock(path, { mode })(Effect.sync(() => assert.strictEqual(readFileSync(path, "utf8"), "")))
          yield* flock.tryLock(other, "exclusive")
        }
      }))

    test("never writes into a file with other content", (path) =>
      Effect.gen(function* () {
        const lock = yield* FileLock
        const text = '{ "held": "by pid 4711" }\n'
        writeFileSync(path, text)
        // The other lock is signed later, because it was taken later.
        const other = `${path}.other`
        yield* signed(other).pipe(lock.withLock(other), lock.withLock(path))
        yield* lock.withLock(path, { mode: "shared" })(Effect.void)
        assert.strictEqual(readFileSync(path, "utf8"), text)
      }))

    test("times out by the Clock while another program holds it", (path) =>
      Effect.gen(function* () {
        const [lock, flock] = [yield* FileLock, yield* Flock]
        const other = yield* stranger(path)
        yield* flock.tryLock(other, "shared")
        yield* lock.withLock(path, { mode: "shared", timeout: 0 })(Effect.void)
        const waiting = yield* lock
          .withLock(path, { timeout: "2 seconds" })(Effect.void)
          .pipe(Effect.forkChild({ startImmediately: true }))
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(waiting.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.deepInclude((yield* Effect.flip(Fiber.join(waiting))).reason, {
          _tag: "LockTimedOut",
          timeoutMillis: 2_000,
        })
      }))

    test("follows its name when the lock file is deleted and created again, before and during a wait", (path) =>
      Effect.gen(function* () {
        const [lock, flock] = [yield* FileLock, yield* Flock]
        yield* lock.withLock(path)(Effect.void)
        unlinkSync(path)
        yield* lock.withLock(path)(Effect.sync(() => assert.isFalse(free(path))))

        const other = yield* stranger(path)
        yield* flock.tryLock(other, "exclusive")
        const waiting = yield* lock
          .withLock(path, { timeout: "Infinity" })(Effect.sync(() => free(path)))
          .pipe(Effect.forkChild({ startImmediately: true }))
        unlinkSync(path)
        writeFileSync(path, "")
        flock.unlockSync(other)
        yield* TestClock.adjust("4 millis")
        assert.isFalse(yield* Fiber.join(waiting))
      }))

    test("keeps a bounded number of files open between locks, and closes all of them with the layer", (_, root) =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(Layer.fresh(NodeFileLock.layerFlock), scope).pipe(
          Effect.provideService(Flock, flock),
        )
        const lock = yield* Effect.provideContext(FileLock, context)
        yield* Effect.forEach(
          Array.from({ length: 40 }, (_, i) => join(root, `${i}.lock`)),
          (path) => lock.withLock(path)(Effect.void),
          {
            concurrency: "unbounded",
          },
        )
        assert.strictEqual(openIn(root), idle)
        yield* lock.withLock(join(root, "late.lock"))(Scope.close(scope, Exit.void))
        assert.strictEqual(openIn(root), 0)
      }))

    test("leaks neither lock nor descriptor when a wait is interrupted at any step", (path, root) =>
      Effect.gen(function* () {
        const [lock, flock] = [yield* FileLock, yield* Flock]
        const other = yield* stranger(path)
        for (let operations = 3; operations <= 40; operations += step) {
          yield* flock.tryLock(other, "exclusive")
          const use = lock
            .withLock(path)(Effect.yieldNow)
            .pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations))
          const fibers = yield* Effect.replicateEffect(Effect.forkChild(use, { startImmediately: true }), 4)
          for (const [index, fiber] of fibers.entries()) {
            if (index === 2) flock.unlockSync(other)
            yield* TestClock.adjust(operations % 4)
            for (let i = 0; i < operations % 5; i++) yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
          }
          assert.isTrue(free(path), `after ${operations} operations`)
          assert.isAtMost(openIn(root), 2, `after ${operations} operations`)
        }
      }))
  })

specifics("NodeFileLock with the kernel's call", kernel, 16)
specifics("NodeFileLock with the flock program", program, 0, torture ? 1 : 5)

describe("NodeFileLock.layer", () => {
  const refused = Effect.fnUntraced(function* (path: string) {
    const lock = yield* FileLock
    const error = yield* Effect.flip(lock.withLock(path)(Effect.void))
    assert.strictEqual(error.reason._tag, "LockUnavailable")
    return error.message
  }, Effect.provide(NodeFileLock.layer))

  it.effect("fails with LockUnavailable and a hint where no lock file can exist", () =>
    Effect.gen(function* () {
      const root = yield* directory
      assert.include(
        yield* refused(join(root, "missing", "a.lock")),
        `the directory ${join(root, "missing")} does not exist: create it`,
      )
      mkdirSync(join(root, "directory.lock"))
      assert.include(yield* refused(join(root, "directory.lock")), "it is a directory: name a file")
      writeFileSync(join(root, "file"), "")
      assert.include(yield* refused(join(root, "file", "a.lock")), `${join(root, "file")} is not a directory`)
      symlinkSync("loop.lock", join(root, "loop.lock"))
      assert.include(yield* refused(join(root, "loop.lock")), "loop.lock is a symbolic link")
    }),
  )
})
