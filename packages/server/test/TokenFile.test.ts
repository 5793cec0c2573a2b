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

describe("the admin token", () => {
  test(
    "is made at the first start, of 256 bits, for its owner alone, and stays",
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
    "is another one for each host",
    Effect.gen(function* () {
      const first = yield* ensure
      yield* foreign((fs) => fs.remove(file))
      assert.notStrictEqual(yield* ensure, first)
    }),
  )
  test(
    "is what the API asks for",
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
    "is the same for all that start at once",
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
    "that others could read is closed to them, and that is said without it",
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
    ["is cut", "abcdef"],
    ["is something else", "x".repeat(44)],
    ["is much else", "x".repeat(100_000)],
  ] as const) {
    test(
      `is replaced where the file ${what}; that is printed, and all that start at once have the new one`,
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
    "that an editor saved with or without a newline is taken",
    Effect.gen(function* () {
      for (const end of ["", "\n", "\r\n"]) {
        yield* save("a".repeat(43) + end)
        assert.strictEqual(yield* ensure, "a".repeat(43))
      }
    }),
  )
})

describe("who reads the token", () => {
  test(
    "changes nothing, and hears what to do where there is none",
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

describe("a token that cannot be made", () => {
  for (const [name, code] of [
    ["open", "EROFS"],
    ["write", "ENOSPC"],
    ["sync", "EIO"],
    ["rename", "EACCES"],
  ] as const) {
    test(
      `because of ${code} at ${name} leaves what stood there, and nothing beside it`,
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
      `because the power went at operation ${at} is made by the next start, and stays then`,
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
