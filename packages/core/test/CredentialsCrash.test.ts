import { assert, describe, it } from "@effect/vitest"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, Exit } from "effect"
import * as fc from "fast-check"
import { add, content, idOf, ids, inProcess, litter, onDisk, revoke } from "./CredentialsDisk.ts"

const torture = process.env["SIGNALBOX_TORTURE"] === "1"

describe("Credentials after a power cut", () => {
  /** One run: the cut at operation `at` of a start and a revocation, and who gets in afterwards. */
  const run = (options: { readonly seed: number; readonly at: number }) =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const [one, two] = [yield* inProcess(add("one")), yield* inProcess(add("two"))]
      yield* disk.inject({ at: (yield* disk.operations) + options.at, crash: "random" })
      const exit = yield* Effect.exit(inProcess(revoke("one")))
      const over = (yield* Effect.exit(Effect.timeout(disk.crashed, 0)))._tag === "Failure"
      yield* disk.calm
      // An acknowledged change must also survive the next power cut.
      yield* disk.crash("random")
      yield* disk.restart
      yield* Effect.gen(function* () {
        const revoked = (yield* inProcess(idOf(one))) === undefined
        if (Exit.isSuccess(exit)) assert.isTrue(revoked)
        assert.strictEqual(yield* inProcess(idOf(two)), "two")
        JSON.parse(yield* content)
        const three = yield* inProcess(add("three"))
        assert.strictEqual(yield* inProcess(idOf(three)), "three")
        assert.deepStrictEqual(yield* litter, [])
      }).pipe(disk.explain)
      return over
    }).pipe(onDisk(options))

  it.effect("keeps whole keys, and an acknowledged revocation, for a power cut at any operation", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.record({ seed: fc.integer(), at: fc.integer({ min: 1, max: 50 }) }), (options) =>
          Effect.runPromise(Effect.asVoid(run(options))),
        ),
        { numRuns: torture ? 3_000 : 120 },
      ),
    ),
  )
  it.effect("covers every operation of a revocation", () =>
    Effect.gen(function* () {
      assert.isFalse(yield* run({ seed: 1, at: 10 }))
      assert.isTrue(yield* run({ seed: 1, at: 50 }))
    }),
  )
  it.effect("leaves no file or one with the key for a power cut during the first addition", () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, at) =>
          Effect.gen(function* () {
            const disk = yield* SimulatedDisk
            yield* disk.inject({ at, crash: "random" })
            const exit = yield* Effect.exit(inProcess(add("one")))
            yield* disk.calm
            yield* disk.crash("random")
            yield* disk.restart
            yield* Effect.gen(function* () {
              const found = yield* inProcess(ids)
              if (Exit.isSuccess(exit)) assert.strictEqual(yield* inProcess(idOf(exit.value)), "one")
              else assert.include([0, 1], found.length)
              yield* inProcess(add("two"))
              assert.deepStrictEqual(yield* litter, [])
            }).pipe(disk.explain)
          }).pipe(onDisk({ seed }), Effect.runPromise),
        ),
        { numRuns: torture ? 2_000 : 80 },
      ),
    ),
  )
})
