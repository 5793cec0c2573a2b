import { assert, describe, it } from "@effect/vitest"
import { FileLock } from "@signalbox/core/FileLock"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { add, content, directory, file, idOf, inProcess, litter, onDisk, revoke, temporary } from "./CredentialsDisk.ts"

describe("a failed change of Credentials", () => {
  const isTemporary = (path: string) => temporary.test(path.slice(directory.length + 1))
  const cases = [
    ["opening the temporary file", "open", "EACCES"],
    ["writing", "write", "ENOSPC"],
    ["writing", "write", "EIO"],
    ["syncing", "sync", "EIO"],
    ["naming", "rename", "EROFS"],
  ] as const
  for (const [what, name, code] of cases) {
    it.effect(`changes nothing, fails with ${code} and leaves no file if it occurs while ${what}`, () =>
      Effect.gen(function* () {
        const disk = yield* SimulatedDisk
        const secret = yield* inProcess(add("one"))
        const before = yield* content
        yield* inProcess(
          Effect.gen(function* () {
            yield* disk.inject({
              at: (operation) => operation.name === name && isTemporary(operation.path),
              error: code,
            })
            const error = yield* Effect.flip(revoke("one"))
            assert.deepInclude(error.reason, { _tag: "CredentialsUnavailable", path: file, code })
            assert.include(error.message, "Nothing was changed")
            assert.strictEqual(yield* idOf(secret), "one")
            assert.strictEqual(yield* content, before)
            assert.deepStrictEqual(yield* litter, [])
            yield* revoke("one")
            assert.isUndefined(yield* idOf(secret))
          }),
        )
      }).pipe(onDisk()),
    )
  }
  it.effect("changes nothing on a full disk", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const secret = yield* inProcess(add("one"))
      const before = yield* content
      yield* disk.capacity(before.length + 20)
      const error = yield* Effect.flip(inProcess(add("two")))
      assert.deepInclude(error.reason, { code: "ENOSPC" })
      assert.strictEqual(yield* content, before)
      assert.deepStrictEqual([yield* litter, yield* inProcess(idOf(secret))], [[], "one"])
    }).pipe(onDisk()),
  )
  it.effect("applies the change and fails with Unconfirmed if only the sync of the directory fails", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const secret = yield* inProcess(add("one"))
      yield* inProcess(
        Effect.gen(function* () {
          yield* disk.inject({ at: ({ name, path }) => name === "sync" && path === directory, error: "EIO" })
          const error = yield* Effect.flip(revoke("one"))
          assert.deepInclude(error.reason, { _tag: "CredentialsUnconfirmed", path: file })
          assert.include(error.message, "power cut")
          assert.isUndefined(yield* idOf(secret))
        }),
      )
    }).pipe(onDisk()),
  )
  it.effect("names the holder if another process holds the lock", () =>
    Effect.gen(function* () {
      const secret = yield* inProcess(add("one"))
      const lock = yield* FileLock
      yield* lock.acquire(`${file}.lock`)
      const fiber = yield* Effect.forkChild(inProcess(Effect.flip(revoke("one"))))
      const error = yield* Effect.raceFirst(Fiber.join(fiber), Effect.forever(TestClock.adjust("1 second")))
      assert.deepInclude(error.reason, { _tag: "CredentialsUnavailable", code: "EBUSY" })
      assert.include(error.message, "Try again")
      assert.strictEqual(yield* inProcess(idOf(secret)), "one")
    }).pipe(Effect.scoped, onDisk()),
  )
})
