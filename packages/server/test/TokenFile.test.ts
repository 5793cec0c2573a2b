import { assert, describe, it } from "@effect/vitest"
import { FileLock } from "@signalbox/core/FileLock"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { AdminToken } from "@signalbox/server/AdminToken"
import { ensureToken, layerAt, readToken } from "@signalbox/server/TokenFile"
import { Effect, type FileSystem, Layer, Logger, Path, Redacted } from "effect"
import { SecureRandom } from "effect/crypto"

const directory = "/home/signalbox/own"
const file = `${directory}/admin.token`

/** A process as it starts on the disk; the locks are those of the machine. */
const inProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(
    effect,
    Layer.unwrap(
      Effect.map(SimulatedDisk, ({ process }) => Layer.mergeAll(process, Path.layer, SecureRandom.layerWebCrypto)),
    ),
  )
const ensure = Effect.map(inProcess(ensureToken(file)), Redacted.value)
const reason = Effect.map(Effect.flip(inProcess(ensureToken(file))), ({ reason }) => reason)

const foreign = <A>(f: (fs: FileSystem.FileSystem) => Effect.Effect<A, unknown>) =>
  Effect.flatMap(SimulatedDisk, (disk) => Effect.orDie(f(disk.foreign)))
const save = (text: string, mode = 0o600) =>
  foreign((fs) =>
    Effect.andThen(fs.makeDirectory(directory, { recursive: true }), fs.writeFileString(file, text, { mode })),
  )
const names = foreign((fs) => fs.readDirectory(directory))
const modeOf = (path: string) => foreign((fs) => Effect.map(fs.stat(path), ({ mode }) => mode & 0o777))

/** The test's own lines of the log. */
const logged: Array<string> = []
const test = (
  title: string,
  body: Effect.Effect<void, unknown, SimulatedDisk | FileSystem.FileSystem | FileLock>,
  seed = 1,
) =>
  it.effect(title, () =>
    Effect.suspend(() => {
      logged.length = 0
      return body
    }).pipe(
      Effect.provide(
        Layer.mergeAll(
          SimulatedDisk.layerWith({ seed }),
          Layer.fresh(FileLock.layerMemory),
          Logger.layer([Logger.make(({ message }) => void logged.push(String(message)))]),
        ),
      ),
    ),
  )

describe("TokenFile.ensureToken", () => {
  test(
    "makes a token of 256 bits at the first start, for the owner alone, and keeps it",
    Effect.gen(function* () {
      const token = yield* ensure
      assert.match(token, /^[A-Za-z0-9_-]{43}$/)
      assert.strictEqual(yield* foreign((fs) => fs.readFileString(file)), `${token}\n`)
      assert.deepStrictEqual([yield* modeOf(file), yield* modeOf(directory)], [0o600, 0o700])
      assert.strictEqual(yield* ensure, token)
      assert.strictEqual(Redacted.value(yield* inProcess(readToken(file))), token)
      assert.deepStrictEqual(yield* names, ["admin.token"])
      assert.deepStrictEqual(logged, [])
    }),
  )
  test(
    "makes another token for each host",
    Effect.gen(function* () {
      const first = yield* ensure
      yield* foreign((fs) => fs.remove(file))
      assert.notStrictEqual(yield* ensure, first)
    }),
  )
  test(
    "makes the token that the admin API accepts",
    Effect.gen(function* () {
      yield* inProcess(
        Effect.gen(function* () {
          const { matches } = yield* AdminToken
          const token = yield* Effect.map(readToken(file), Redacted.value)
          assert.deepStrictEqual([token, `${token}\n`, token.slice(1), ""].map(matches), [true, false, false, false])
        }).pipe(Effect.provide(layerAt(file))),
      )
    }),
  )
  test(
    "returns the same token to hosts that start at once",
    Effect.gen(function* () {
      const tokens = yield* Effect.all(
        Array.from({ length: 8 }, () => ensure),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(new Set(tokens).size, 1)
      assert.strictEqual(yield* ensure, tokens[0])
      assert.deepStrictEqual(yield* names, ["admin.token"])
    }),
  )
  test(
    "tightens a file that others can read, and logs that without the token",
    Effect.gen(function* () {
      const token = yield* ensure
      yield* foreign((fs) => fs.chmod(file, 0o644))
      assert.strictEqual(yield* ensure, token)
      assert.strictEqual(yield* modeOf(file), 0o600)
      assert.lengthOf(logged, 1)
      assert.include(logged[0], "0644")
      assert.notInclude(logged[0], token)
    }),
  )
  for (const [what, text] of [
    ["is empty", ""],
    ["is cut off", "abcdef"],
    ["holds another text", "x".repeat(44)],
    ["holds a large text", "x".repeat(100_000)],
  ] as const) {
    test(
      `replaces a file that ${what}, logs that, and returns the new token to all hosts that start at once`,
      Effect.gen(function* () {
        yield* save(text)
        const tokens = yield* Effect.all([ensure, ensure, ensure], { concurrency: "unbounded" })
        assert.match(tokens[0], /^[A-Za-z0-9_-]{43}$/)
        assert.strictEqual(new Set(tokens).size, 1)
        assert.lengthOf(logged, 1)
        assert.include(logged[0], file)
        assert.notInclude(logged[0], tokens[0])
        assert.deepStrictEqual(yield* names, ["admin.token"])
      }),
    )
  }
  test(
    "accepts a token that an editor saved with or without a newline",
    Effect.gen(function* () {
      for (const end of ["", "\n", "\r\n"]) {
        yield* save("a".repeat(43) + end)
        assert.strictEqual(yield* ensure, "a".repeat(43))
      }
    }),
  )
})

describe("TokenFile.readToken", () => {
  test(
    "changes nothing, and fails with a remedy if there is no token",
    Effect.gen(function* () {
      const missing = yield* Effect.flip(inProcess(readToken(file)))
      assert.deepInclude(missing.reason, { _tag: "TokenMissing", path: file })
      assert.include(missing.message, "signalbox serve")
      yield* save("sk-something-secret")
      const unusable = yield* Effect.flip(inProcess(readToken(file)))
      assert.deepInclude(unusable.reason, { _tag: "TokenUnusable", path: file })
      assert.notInclude(unusable.message, "something-secret")
      yield* save("a".repeat(43))
      yield* foreign((fs) => fs.chmod(file, 0))
      const closed = yield* Effect.flip(inProcess(readToken(file)))
      assert.deepInclude(closed.reason, { _tag: "TokenUnavailable", path: file, code: "EACCES" })
      assert.include(closed.message, "run this as that user")
      assert.strictEqual(yield* modeOf(file), 0)
    }),
  )
})

describe("TokenFile.ensureToken on a disk that fails", () => {
  for (const [name, code] of [
    ["open", "EROFS"],
    ["write", "ENOSPC"],
    ["sync", "EIO"],
    ["rename", "EACCES"],
  ] as const) {
    test(
      `keeps the old file and leaves no other when ${name} fails with ${code}`,
      Effect.gen(function* () {
        const disk = yield* SimulatedDisk
        yield* save("torn")
        yield* disk.inject({
          at: (operation) => operation.name === name && operation.path.endsWith(".new"),
          error: code,
        })
        assert.deepInclude(yield* reason, { _tag: "TokenUnavailable", code })
        assert.strictEqual(yield* foreign((fs) => fs.readFileString(file)), "torn")
        assert.deepStrictEqual(yield* names, ["admin.token"])
        yield* ensure
      }),
    )
  }
  for (let at = 1; at <= 30; at++) {
    test(
      `makes a lasting token at the start after a power cut at operation ${at}`,
      Effect.gen(function* () {
        const disk = yield* SimulatedDisk
        yield* disk.inject({ at, crash: "random" })
        const exit = yield* Effect.exit(ensure)
        yield* disk.calm
        yield* disk.crash("random")
        yield* disk.restart
        const token = yield* ensure
        if (exit._tag === "Success") assert.strictEqual(token, exit.value)
        assert.strictEqual(yield* ensure, token)
        assert.deepStrictEqual(yield* names, ["admin.token"])
      }).pipe((effect) => SimulatedDisk.use((disk) => disk.explain(effect))),
      at,
    )
  }
})
