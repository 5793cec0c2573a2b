/**
 * The contract of every `FileLock`. Run it with `fileLockSuite(name, layer, directory)`. `directory` yields an empty directory for one test, or any
 * string without a disk. Tests order waiters without sleeping: a fiber that starts immediately has taken its turn before the next line runs.
 */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Exit, Fiber, type Layer, Random, Scheduler, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as FastCheck from "fast-check"
import { FileLock, type FileLockError, type LockOptions, LockTimedOut } from "../FileLock.ts"

export interface SuiteOptions {
  /** The share of the repetitions to run, for a lock that takes milliseconds: 0.1 is a tenth. Default: 1. */
  readonly rounds?: number
}

export const fileLockSuite = <E>(
  name: string,
  layer: Layer.Layer<FileLock, E>,
  directory: Effect.Effect<string, never, Scope.Scope> = Effect.succeed("/locks"),
  { rounds = 1 }: SuiteOptions = {},
): void => {
  describe(name, () => {
    const test = (title: string, body: (path: string) => Effect.Effect<void, unknown, FileLock | Scope.Scope>) =>
      it.effect(title, () =>
        Effect.flatMap(directory, (root) => body(`${root}/document.lock`)).pipe(Effect.provide(layer)),
      )
    exclusion(test, Math.ceil(400 * rounds))
    timeouts(test)
    interruption(test, Math.ceil(1 / rounds))
    generated(test, Math.ceil(60 * rounds))
  })
}

type Test = (title: string, body: (path: string) => Effect.Effect<void, unknown, FileLock | Scope.Scope>) => void

/** Holds the lock until `leave`. `entered` completes when it is held. */
const holder = Effect.fnUntraced(function* (path: string, options?: LockOptions) {
  const lock = yield* FileLock
  const entered = yield* Deferred.make<void>()
  const left = yield* Deferred.make<void>()
  const fiber = yield* Deferred.succeed(entered, void 0).pipe(
    Effect.andThen(Deferred.await(left)),
    lock.withLock(path, options),
    Effect.forkChild({ startImmediately: true }),
  )
  return {
    fiber,
    entered: Effect.raceFirst(Deferred.await(entered), Fiber.join(fiber)),
    leave: Effect.andThen(Deferred.succeed(left, void 0), Fiber.join(fiber)),
  }
})

const once = { timeout: 0 } as const
const isFree = Effect.fnUntraced(function* (path: string, mode: "exclusive" | "shared" = "exclusive") {
  const lock = yield* FileLock
  return Exit.isSuccess(yield* Effect.exit(lock.withLock(path, { ...once, mode })(Effect.void)))
})

const exclusion = (test: Test, holders: number) => {
  test("excludes all others while an exclusive holder has the lock", (path) =>
    Effect.gen(function* () {
      const first = yield* holder(path)
      yield* first.entered
      assert.isFalse(yield* isFree(path))
      assert.isFalse(yield* isFree(path, "shared"))
      yield* first.leave
      assert.isTrue(yield* isFree(path))
    }))

  test("admits shared holders together, and exclusive ones after the last of them", (path) =>
    Effect.gen(function* () {
      const [a, b] = [yield* holder(path, { mode: "shared" }), yield* holder(path, { mode: "shared" })]
      yield* a.entered
      yield* b.entered
      assert.isTrue(yield* isFree(path, "shared"))
      yield* a.leave
      assert.isFalse(yield* isFree(path))
      yield* b.leave
      assert.isTrue(yield* isFree(path))
    }))

  test("serves waiters of one process in order, and lets no shared one overtake", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      const order: Array<string> = []
      const ask = (who: string, mode: "exclusive" | "shared") =>
        Effect.sync(() => order.push(who)).pipe(
          lock.withLock(path, { mode }),
          Effect.forkChild({ startImmediately: true }),
        )
      const first = yield* holder(path, { mode: "shared" })
      yield* first.entered
      const asked = [
        yield* ask("b", "exclusive"),
        yield* ask("c", "shared"),
        yield* ask("d", "exclusive"),
        yield* ask("e", "exclusive"),
      ]
      assert.isFalse(yield* isFree(path, "shared"))
      yield* first.leave
      yield* Effect.forEach(asked, Fiber.join)
      assert.deepStrictEqual(order, ["b", "c", "d", "e"])
    }))

  test("treats two paths as two locks", (path) =>
    Effect.gen(function* () {
      const first = yield* holder(path)
      yield* first.entered
      assert.isTrue(yield* isFree(`${path}.other`))
      yield* first.leave
    }))

  test("holds the lock of `acquire` until its Scope closes", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      const scope = yield* Scope.make()
      yield* lock.acquire(path).pipe(Scope.provide(scope))
      assert.isFalse(yield* isFree(path))
      yield* Scope.close(scope, Exit.void)
      assert.isTrue(yield* isFree(path))
    }))

  test("releases the lock when its holder fails, dies or is interrupted, and returns the holder's exit", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      assert.deepStrictEqual(yield* Effect.exit(lock.withLock(path)(Effect.fail("failed"))), Exit.fail("failed"))
      assert.isTrue(yield* isFree(path))
      assert.deepStrictEqual(yield* Effect.exit(lock.withLock(path)(Effect.die("died"))), Exit.die("died"))
      assert.isTrue(yield* isFree(path))
      const first = yield* holder(path)
      yield* first.entered
      yield* Fiber.interrupt(first.fiber)
      assert.isTrue(yield* isFree(path))
    }))

  test("serves hundreds of short holders in a row", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      let inside = 0
      let served = 0
      const short = Effect.sync(() => {
        assert.strictEqual(++inside, 1)
        served++
      }).pipe(Effect.andThen(Effect.sync(() => inside--)), lock.withLock(path, { timeout: "1 hour" }))
      const first = yield* holder(path)
      yield* first.entered
      const fibers = yield* Effect.replicateEffect(Effect.forkChild(short, { startImmediately: true }), holders)
      yield* first.leave
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(served, holders)
    }))
}

const timeouts = (test: Test) => {
  test("fails with LockTimedOut and a hint exactly after the timeout", (path) =>
    Effect.gen(function* () {
      const first = yield* holder(path)
      yield* first.entered
      const second = yield* holder(path, { timeout: "3 seconds" })
      yield* TestClock.adjust("2999 millis")
      assert.isUndefined(second.fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const error = yield* Effect.flip(Fiber.join(second.fiber))
      assert.strictEqual(error.reason._tag, "LockTimedOut")
      assert.deepInclude(error.reason, { path, timeoutMillis: 3_000 })
      assert.include(error.message, `${path} was still locked after 3s`)
      assert.include(error.message, "try again")
      yield* first.leave
      assert.isTrue(yield* isFree(path))
    }))

  test("waits 10 seconds by default, and tries once with a timeout of zero", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      const first = yield* holder(path)
      yield* first.entered
      const now = yield* Effect.flip(lock.withLock(path, once)(Effect.void))
      assert.instanceOf(now.reason, LockTimedOut)
      const patient = yield* holder(path, { timeout: "Infinity" })
      const second = yield* holder(path)
      yield* TestClock.adjust("9999 millis")
      assert.isUndefined(second.fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.strictEqual((yield* Effect.flip(Fiber.join(second.fiber))).reason._tag, "LockTimedOut")
      yield* TestClock.adjust("30 days")
      yield* first.leave
      yield* patient.leave
    }))

  test("unblocks later waiters when one gives up", (path) =>
    Effect.gen(function* () {
      const first = yield* holder(path, { mode: "shared" })
      yield* first.entered
      const second = yield* holder(path, { timeout: "1 seconds" })
      const third = yield* holder(path, { mode: "shared", timeout: "1 hour" })
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(second.fiber))).reason._tag, "LockTimedOut")
      yield* third.entered
      yield* third.leave
      yield* first.leave
    }))

  test("times out in an uninterruptible region too", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      const first = yield* holder(path)
      yield* first.entered
      const waiting = yield* lock
        .withLock(path, { timeout: "1 seconds" })(Effect.void)
        .pipe(Effect.uninterruptible, Effect.forkChild({ startImmediately: true }))
      yield* TestClock.adjust("1 seconds")
      assert.strictEqual((yield* Effect.flip(Fiber.join(waiting))).reason._tag, "LockTimedOut")
      yield* first.leave
    }))
}

/** A fiber can be interrupted wherever the scheduler may suspend it. Below 3 operations no fiber makes progress. */
const yieldSweep = Array.from({ length: 38 }, (_, i) => i + 3)

const interruption = (test: Test, every: number) => {
  test("leaves the lock free after an interruption at any step of acquiring, holding or waiting", (path) =>
    Effect.gen(function* () {
      const lock = yield* FileLock
      let finished = 0
      const sweep = yieldSweep.filter((operations) => operations % every === 0)
      for (const operations of sweep) {
        const use = lock
          .withLock(path)(Effect.yieldNow)
          .pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations))
        for (const yields of [0, 1, 2, 3, 5, 8]) {
          const fibers = yield* Effect.replicateEffect(Effect.forkChild(use, { startImmediately: true }), 3)
          for (let i = 0; i < yields; i++) yield* Effect.yieldNow
          for (const fiber of fibers) {
            yield* Fiber.interrupt(fiber)
            if (Exit.isSuccess(yield* Fiber.await(fiber))) finished++
          }
          assert.isTrue(yield* isFree(path), `after ${operations} operations and ${yields} yields`)
        }
      }
      // The loop proves nothing if every fiber was interrupted before its start.
      assert.isBelow(finished, sweep.length * 18)
    }))

  test("serves the next waiter when one is interrupted", (path) =>
    Effect.gen(function* () {
      const first = yield* holder(path)
      yield* first.entered
      const [second, third] = [yield* holder(path), yield* holder(path)]
      yield* Fiber.interrupt(second.fiber)
      yield* first.leave
      yield* third.entered
      assert.isFalse(yield* isFree(path))
      yield* third.leave
      assert.isTrue(yield* isFree(path))
    }))
}

interface Visit {
  readonly mode: "exclusive" | "shared"
  readonly timeout: number
  readonly stays: number
  readonly interruptedAfter: number | undefined
}

const visits: FastCheck.Arbitrary<ReadonlyArray<Visit>> = FastCheck.array(
  FastCheck.record({
    mode: FastCheck.constantFrom("exclusive", "shared"),
    timeout: FastCheck.constantFrom(0, 5, 1_000),
    stays: FastCheck.nat(4),
    interruptedAfter: FastCheck.option(FastCheck.nat(6), { nil: undefined }),
  }),
  { minLength: 2, maxLength: 12 },
)

const generated = (test: Test, numRuns: number) =>
  test("keeps exclusive holders alone and ends with a free lock, for generated holders, timeouts and interruptions", (path) =>
    Effect.gen(function* () {
      const context = yield* Effect.context<FileLock>()
      const runs = FastCheck.asyncProperty(visits, FastCheck.integer(), (visits, seed) =>
        Effect.runPromise(visitAll(path, visits).pipe(Random.withSeed(seed), Effect.provideContext(context))),
      )
      yield* Effect.promise(() => FastCheck.assert(runs, { numRuns }))
    }))

const visitAll = Effect.fnUntraced(function* (path: string, visits: ReadonlyArray<Visit>) {
  const lock = yield* FileLock
  const inside = { exclusive: 0, shared: 0 }
  const visit = (visit: Visit): Effect.Effect<void, FileLockError> =>
    Effect.gen(function* () {
      inside[visit.mode]++
      assert.isTrue(inside.exclusive === 0 || (inside.exclusive === 1 && inside.shared === 0))
      for (let i = 0; i < visit.stays; i++) yield* Effect.yieldNow
    }).pipe(
      Effect.ensuring(Effect.sync(() => inside[visit.mode]--)),
      lock.withLock(path, { mode: visit.mode, timeout: visit.timeout }),
    )
  const fibers = yield* Effect.forEach(visits, (wanted) =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(visit(wanted), { startImmediately: true })
      if (wanted.interruptedAfter !== undefined) {
        for (let i = 0; i < wanted.interruptedAfter; i++) yield* Effect.yieldNow
        fiber.interruptUnsafe()
      }
      return fiber
    }),
  )
  yield* TestClock.adjust("5 millis")
  for (const fiber of fibers) {
    const exit = yield* Fiber.await(fiber)
    if (Exit.isFailure(exit) && !Exit.hasInterrupts(exit)) {
      const error = yield* Effect.flip(exit)
      assert.strictEqual(error.reason._tag, "LockTimedOut")
    }
  }
  assert.deepStrictEqual(inside, { exclusive: 0, shared: 0 })
  assert.isTrue(yield* isFree(path))
})
