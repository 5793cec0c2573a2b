import { assert, describe, it } from "@effect/vitest"
import { FileLock, FileLockError, LockTimedOut, LockUnavailable } from "@signalbox/core/FileLock"
import { KeyedLock } from "@signalbox/core/KeyedLock"
import { fileLockSuite } from "@signalbox/core/testing/FileLockSuite"
import { Effect, Fiber, Scheduler } from "effect"
import { TestClock } from "effect/testing"

fileLockSuite("FileLock.layerMemory", FileLock.layerMemory)

describe("FileLockError", () => {
  it("states what happened, to what, who holds the lock, and what to do", () => {
    const holder = "held by pid 4711, started 2026-01-31T12:00:00.000Z"
    const timedOut = (timeoutMillis: number) =>
      new FileLockError({ reason: new LockTimedOut({ path: "/a/b.lock", timeoutMillis, holder }) }).message
    assert.strictEqual(
      timedOut(1_500),
      `/a/b.lock was still locked after 1s 500ms (${holder}); try again when its holder is done, or end that process: the lock goes with it`,
    )
    assert.include(timedOut(0), `/a/b.lock is locked (${holder})`)
    const unavailable = new FileLockError({
      reason: new LockUnavailable({ path: "/a/b.lock", detail: "the directory /a does not exist: create it" }),
    })
    assert.strictEqual(unavailable.message, "/a/b.lock cannot be locked: the directory /a does not exist: create it")
  })
})

describe("KeyedLock", () => {
  const take = (locks: KeyedLock, mode: "exclusive" | "shared", timeoutMillis = 1_000) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(locks.take("key", mode, timeoutMillis, restore), (taken) =>
        taken
          ? Effect.onExit(restore(Effect.yieldNow), () => Effect.sync(() => locks.release("key", mode)))
          : Effect.void,
      ),
    )

  it.effect("keeps no entry for a key without holders and waiters", () =>
    Effect.gen(function* () {
      const locks = new KeyedLock()
      for (let operations = 3; operations <= 40; operations++) {
        for (const yields of [0, 1, 2, 3, 5]) {
          const fibers = yield* Effect.forEach(["exclusive", "shared", "exclusive", "shared"] as const, (mode) =>
            Effect.forkChild(take(locks, mode).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)), {
              startImmediately: true,
            }),
          )
          for (let i = 0; i < yields; i++) yield* Effect.yieldNow
          for (const fiber of fibers.slice(1)) yield* Fiber.interrupt(fiber)
          yield* Fiber.join(fibers[0]!)
          assert.strictEqual(locks.size, 0, `after ${operations} operations and ${yields} yields`)
        }
      }
      assert.isTrue(locks.tryTake("key", "exclusive"))
      const waiting = yield* Effect.forkChild(take(locks, "shared"), { startImmediately: true })
      assert.strictEqual(locks.size, 1)
      yield* TestClock.adjust("1 seconds")
      yield* Fiber.join(waiting)
      locks.release("key", "exclusive")
      assert.strictEqual(locks.size, 0)
    }),
  )

  it.effect("serves a long queue without nesting on the stack", () =>
    Effect.gen(function* () {
      const locks = new KeyedLock()
      locks.tryTake("key", "exclusive")
      const row = yield* Effect.replicateEffect(
        Effect.forkChild(take(locks, "exclusive"), { startImmediately: true }),
        5_000,
      )
      locks.release("key", "exclusive")
      yield* Effect.forEach(row, Fiber.join)
      assert.strictEqual(locks.size, 0)
    }),
  )

  it("refuse to be let go by one who does not hold them", () => {
    const locks = new KeyedLock()
    assert.throws(() => locks.release("key", "shared"))
    locks.tryTake("key", "exclusive")
    assert.throws(() => locks.release("key", "shared"))
  })
})
