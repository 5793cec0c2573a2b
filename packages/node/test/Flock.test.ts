import { spawnSync } from "node:child_process"
import { closeSync, openSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Flock, FlockError } from "@signalbox/node/Flock"
import { Deferred, Effect, Exit, Fiber, type Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"

/** A new file, and the requested number of open file descriptions. */
const file = Effect.gen(function* () {
  const directory = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-flock-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true })),
  )
  const path = join(directory, "file")
  writeFileSync(path, "")
  const open = Effect.acquireRelease(
    Effect.sync(() => openSync(path, "r+")),
    (fd) => Effect.sync(() => closeSync(fd)),
  )
  return { path, open }
})

/** Whether `flock(1)` finds the file free. */
const free = (path: string, flag: "-x" | "-s" = "-x") => spawnSync("flock", [flag, "-n", path, "true"]).status === 0

const contract = (name: string, layer: Layer.Layer<Flock>) =>
  describe(name, () => {
    const live = (title: string, body: () => Effect.Effect<void, unknown, Flock | Scope.Scope>) =>
      it.live(title, () => Effect.provide(body(), layer))

    live("excludes a second descriptor of the same process, and the flock program, until it is unlocked", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const { path, open } = yield* file
        const [a, b] = [yield* open, yield* open]
        assert.isTrue(yield* flock.tryLock(a, "exclusive"))
        assert.isFalse(yield* flock.tryLock(b, "exclusive"))
        assert.isFalse(yield* flock.tryLock(b, "shared"))
        assert.isFalse(free(path))
        flock.unlockSync(a)
        assert.isTrue(free(path))
        assert.isTrue(yield* flock.tryLock(b, "exclusive"))
      }),
    )

    live("lets shared holders in together and keeps the exclusive one out", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const { path, open } = yield* file
        const [a, b, c] = [yield* open, yield* open, yield* open]
        assert.isTrue(yield* flock.tryLock(a, "shared"))
        assert.isTrue(yield* flock.tryLock(b, "shared"))
        assert.isFalse(yield* flock.tryLock(c, "exclusive"))
        assert.isTrue(free(path, "-s"))
        assert.isFalse(free(path))
      }),
    )

    live("lets go with the last close of the descriptor", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const { path } = yield* file
        const fd = openSync(path, "r")
        assert.isTrue(yield* flock.tryLock(fd, "exclusive"))
        closeSync(fd)
        assert.isTrue(free(path))
      }),
    )

    live("does the same without leaving the turn", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const { path, open } = yield* file
        const [a, b] = [yield* open, yield* open]
        assert.isTrue(flock.tryLockSync(a, "exclusive"))
        assert.isFalse(flock.tryLockSync(b, "shared"))
        flock.unlockSync(a)
        assert.isTrue(free(path))
        assert.isTrue(flock.tryLockSync(b, "shared"))
      }),
    )

    live("waits for the lock and has it as soon as the holder lets go", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const { path, open } = yield* file
        const [a, b] = [yield* open, yield* open]
        yield* flock.tryLock(a, "exclusive")
        const had = yield* Deferred.make<void>()
        const waiting = yield* Effect.forkChild(
          Effect.andThen(flock.lock(b, "exclusive"), Deferred.succeed(had, void 0)),
        )
        assert.isFalse(yield* Deferred.isDone(had))
        flock.unlockSync(a)
        yield* Fiber.join(waiting)
        assert.isFalse(free(path))
      }),
    )

    live("gives up a wait at once when it is interrupted and leaves nothing that waits on", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const { path, open } = yield* file
        const [a, b] = [yield* open, yield* open]
        yield* flock.tryLock(a, "exclusive")
        for (let yields = 0; yields < 12; yields++) {
          const waiting = yield* Effect.forkChild(flock.lock(b, "exclusive"))
          for (let i = 0; i < yields; i++) yield* Effect.yieldNow
          assert.isTrue(Exit.hasInterrupts(yield* Fiber.interrupt(waiting).pipe(Effect.andThen(Fiber.await(waiting)))))
        }
        flock.unlockSync(a)
        // A waiter that still ran would hold the lock now.
        assert.isTrue(free(path))
      }),
    )

    live("fails with the system's word when the descriptor is not open", () =>
      Effect.gen(function* () {
        const flock = yield* Flock
        const error = yield* Effect.flip(flock.tryLock(987_654, "exclusive"))
        assert.instanceOf(error, FlockError)
        assert.throws(() => flock.tryLockSync(987_654, "exclusive"))
      }),
    )
  })

contract("Flock through the kernel's call", Flock.layerKernel)
contract("Flock through the flock program", Flock.layerProgram)

describe("Flock", () => {
  it.effect("prefers the kernel's call", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* Flock).mechanism, "kernel")
    }).pipe(Effect.provide(Flock.layer)),
  )

  it.effect("polls with the Clock, at least once in 16 ms", () =>
    Effect.gen(function* () {
      const flock = yield* Flock
      const { open } = yield* file
      const [a, b] = [yield* open, yield* open]
      yield* flock.tryLock(a, "exclusive")
      const waiting = yield* Effect.forkChild(flock.lock(b, "exclusive"))
      yield* TestClock.adjust("100 millis")
      assert.isUndefined(waiting.pollUnsafe())
      flock.unlockSync(a)
      yield* TestClock.adjust("16 millis")
      assert.isDefined(waiting.pollUnsafe())
    }).pipe(Effect.provide(Flock.layerKernel)),
  )
})
