import { assert, describe, it } from "@effect/vitest"
import { ConfigStoreError } from "@signalbox/core/ConfigError"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { FileLock } from "@signalbox/core/FileLock"
import { configSourceSuite } from "@signalbox/core/testing/ConfigSourceSuite"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { ConfigProvider, Effect, Fiber, type FileSystem, Latch, Layer, Option, Path, Queue, Stream } from "effect"
import { Digest } from "effect/crypto"
import { TestClock } from "effect/testing"

import {
  content,
  directory,
  editor,
  file,
  find,
  foreign,
  life,
  litter,
  needs,
  onDisk,
  seeded,
  started,
  temporary,
  write,
} from "./FileConfigSourceDisk.ts"

for (const exchange of [true, false]) {
  configSourceSuite(
    `FileConfigSource on a disk ${exchange ? "that can swap names" : "that can not swap names"}`,
    Layer.mergeAll(life(), editor).pipe(Layer.provide(SimulatedDisk.layerWith({ exchange }))),
  )
}

describe("a failed write of FileConfigSource", () => {
  const cases = [
    ["opening the temporary file", find("open", temporary), "EACCES"],
    ["writing", find("write", temporary), "ENOSPC"],
    ["writing", find("write", temporary), "EIO"],
    ["syncing", find("sync", temporary), "EIO"],
    ["swapping", find("exchange"), "EIO"],
    ["naming", find("rename", temporary), "EROFS"],
  ] as const
  for (const [what, at, code] of cases) {
    it.effect(`keeps the old document, fails with ${code} and leaves no file if it occurs while ${what}`, () =>
      Effect.gen(function* () {
        const disk = yield* SimulatedDisk
        const { hash } = yield* seeded
        yield* disk.inject({ at, error: code })
        yield* started(
          Effect.gen(function* () {
            assert.deepInclude(yield* Effect.flip(write("new", hash)), { _tag: "SourceUnavailable", code })
            assert.strictEqual(yield* content, "old")
            assert.deepStrictEqual(yield* litter, [])
            yield* write("new", hash)
          }),
        )
        assert.strictEqual(yield* content, "new")
      }).pipe(onDisk()),
    )
  }
  it.effect("writes the rest after a short write", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const { hash } = yield* seeded
      yield* disk.inject({ at: find("write"), short: 1, times: 2 })
      yield* started(write("longer than one", hash))
      assert.strictEqual(yield* content, "longer than one")
    }).pipe(onDisk()),
  )
  it.effect("keeps the old document on a full disk", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const { hash } = yield* seeded
      yield* disk.capacity(10)
      const error = yield* Effect.flip(started(write("far more than ten bytes", hash)))
      assert.deepInclude(error, { _tag: "SourceUnavailable", code: "ENOSPC" })
      assert.strictEqual(yield* content, "old")
      assert.deepStrictEqual(yield* litter, [])
    }).pipe(onDisk()),
  )
  it.effect("writes the document and fails with Unconfirmed if only the sync of the directory fails", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const { hash } = yield* seeded
      yield* disk.inject({ at: find("sync", ({ path }) => path === directory), error: "EIO" })
      const error = yield* Effect.flip(started(write("new", hash)))
      assert.deepInclude(error, { _tag: "Unconfirmed", path: file })
      assert.strictEqual(yield* content, "new")
      assert.deepStrictEqual(yield* litter, [])
    }).pipe(onDisk()),
  )
  it.effect("keeps the old document if the new text exceeds the bound for reading", () =>
    Effect.gen(function* () {
      const { hash } = yield* seeded
      const text = "x".repeat(16 * 1024 * 1024 + 1)
      yield* started(
        Effect.gen(function* () {
          assert.deepInclude(yield* Effect.flip(write(text, hash)), { _tag: "SourceUnavailable", code: "EFBIG" })
          assert.strictEqual(yield* content, "old")
          assert.deepStrictEqual(yield* litter, [])
        }),
      )
    }).pipe(onDisk()),
  )
  it.effect("fails with Busy if another process writes all the time", () =>
    Effect.gen(function* () {
      const { hash } = yield* seeded
      const lock = yield* FileLock
      yield* lock.acquire(`${file}.lock`)
      const layer = Layer.fresh(FileConfigSource.layerAt(file)).pipe(
        Layer.provide([Path.layer, Digest.layerWebCrypto, Layer.succeed(FileLock, lock)]),
      )
      const fiber = yield* Effect.forkChild(Effect.provide(Effect.flip(write("new", hash)), layer))
      const error = yield* Effect.raceFirst(Fiber.join(fiber), Effect.forever(TestClock.adjust("1 second")))
      assert.strictEqual(error._tag, "Busy")
      if (error._tag !== "Busy") return
      // The advice comes once, from the error of the store.
      const { message } = new ConfigStoreError({ reason: error })
      assert.strictEqual(message.split(/try again/i).length, 2, message)
    }).pipe(Effect.scoped, Effect.provide(FileLock.layerMemory), onDisk()),
  )
})

describe("FileConfigSource.exclusively", () => {
  it.effect("lasts until the writes that started in it are complete", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const { hash } = yield* seeded
      const [begun, go] = [yield* Latch.make(), yield* Latch.make()]
      yield* disk.before((operation) =>
        find("sync", temporary)(operation) ? Effect.andThen(begun.open, go.await) : Effect.void,
      )
      yield* started(
        Effect.gen(function* () {
          const { exclusively } = yield* ConfigSource
          const stretch = yield* Effect.forkChild(
            exclusively(Effect.tap(Effect.forkDetach(write("first", hash)), () => begun.await)),
          )
          yield* begun.await
          const other = yield* Effect.forkChild(Effect.flip(write("other", hash)))
          for (let turns = 0; turns < 100; turns++) yield* Effect.yieldNow
          yield* go.open
          const first = yield* Fiber.join(yield* Fiber.join(stretch))
          assert.deepInclude(yield* Fiber.join(other), { _tag: "Conflict", actual: first.hash })
          assert.strictEqual(yield* content, "first")
        }),
      )
    }).pipe(Effect.scoped, onDisk()),
  )
})

describe("FileConfigSource.read", () => {
  const unreadable = (
    text: string,
    prepare: (fs: FileSystem.FileSystem) => Effect.Effect<void, unknown>,
    code: string,
  ) =>
    it.effect(`fails with ${code} for ${text}, and never reports it as missing`, () =>
      Effect.gen(function* () {
        yield* foreign((fs) => Effect.andThen(fs.makeDirectory(directory, { recursive: true }), prepare(fs)))
        const error = yield* started(Effect.flip(ConfigSource.use((source) => source.read)))
        assert.strictEqual(error.code, code)
        const refused = yield* started(Effect.flip(ConfigSource.use((source) => source.seed("{}"))))
        assert.deepInclude(refused, { _tag: "SourceUnavailable", code })
      }).pipe(onDisk()),
    )
  unreadable("a directory", (fs) => fs.makeDirectory(file), "EISDIR")
  unreadable(
    "a file without permission",
    (fs) => Effect.andThen(fs.writeFileString(file, "{}"), fs.chmod(file, 0o000)),
    "EACCES",
  )
  unreadable("a circle of links", (fs) => fs.symlink(file, file), "ELOOP")
  unreadable("what is not UTF-8", (fs) => fs.writeFile(file, new Uint8Array([0x7b, 0xff, 0x7d])), "EILSEQ")
  unreadable("what is too big", (fs) => fs.writeFile(file, new Uint8Array(16 * 1024 * 1024 + 1)), "EFBIG")

  it.effect("fails with EIO on a broken disk, and never reports a missing document", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      yield* seeded
      yield* disk.inject({ at: find("read"), error: "EIO" })
      assert.strictEqual((yield* started(Effect.flip(ConfigSource.use((source) => source.read)))).code, "EIO")
    }).pipe(onDisk()),
  )
  it.effect("ignores a byte order mark", () =>
    Effect.gen(function* () {
      yield* seeded
      yield* foreign((fs) => fs.writeFileString(file, "\uFEFFold"))
      const found = yield* started(ConfigSource.use((source) => source.read))
      assert.strictEqual(found.text, "old")
      yield* started(write("new", found.hash))
    }).pipe(onDisk()),
  )
})

describe("modes and owners of FileConfigSource", () => {
  const mode = (path: string) => foreign((fs) => Effect.map(fs.stat(path), (info) => info.mode & 0o777))
  it.effect("creates files with 0600 in directories with 0700", () =>
    Effect.gen(function* () {
      yield* seeded
      yield* started(ConfigSource.use((source) => source.history.keep("old", "0".repeat(64))))
      const [kept] = yield* foreign((fs) => fs.readDirectory(`${directory}/history`))
      assert.deepStrictEqual(
        yield* Effect.forEach([file, directory, "/home", `${directory}/history`, `${directory}/history/${kept}`], mode),
        [0o600, 0o700, 0o700, 0o700, 0o600],
      )
    }).pipe(onDisk()),
  )
  it.effect("reports a wider mode at every read and tightens it with the next write", () =>
    Effect.gen(function* () {
      const { hash } = yield* seeded
      yield* foreign((fs) => fs.chmod(file, 0o644))
      yield* started(
        Effect.gen(function* () {
          const source = yield* ConfigSource
          yield* source.read
          const warnings = yield* source.warnings
          assert.strictEqual(warnings.length, 1)
          assert.include(warnings[0], "0644")
          yield* source.write("new", hash)
          yield* source.read
          assert.deepStrictEqual(yield* source.warnings, [])
        }),
      )
      assert.strictEqual(yield* mode(file), 0o600)
    }).pipe(onDisk()),
  )
  it.effect(
    "the default directory is tightened too; another one is only reported, and only if others can write there",
    () =>
      Effect.gen(function* () {
        const disk = yield* SimulatedDisk
        const { hash } = yield* seeded
        const home = ConfigProvider.layer(ConfigProvider.fromUnknown({ XDG_DATA_HOME: "relative", HOME: "/home" }))
        const own = FileConfigSource.layer.pipe(Layer.provide([Layer.fresh(needs), disk.process, home]))
        const path = "/home/.local/share/signalbox/config.json"
        const ours = yield* Effect.provide(
          Effect.gen(function* () {
            const source = yield* ConfigSource
            const { hash } = yield* source.seed("old")
            assert.strictEqual(source.name, path)
            yield* foreign((fs) => fs.chmod("/home/.local/share/signalbox", 0o755))
            yield* source.read
            const before = yield* source.warnings
            yield* source.write("new", hash)
            return before
          }),
          own,
        )
        assert.include(ours.join(), "0755")
        assert.strictEqual(yield* mode("/home/.local/share/signalbox"), 0o700)

        const warnings = Effect.fnUntraced(function* (bits: number) {
          yield* foreign((fs) => fs.chmod(directory, bits))
          return yield* started(ConfigSource.use((source) => Effect.andThen(source.read, source.warnings)))
        })
        assert.deepStrictEqual(yield* warnings(0o755), [])
        assert.strictEqual((yield* warnings(0o777)).length, 1)
        yield* started(write("new", hash))
        assert.strictEqual(yield* mode(directory), 0o777)
      }).pipe(onDisk()),
  )
  it.effect("keeps the owner of the file if root writes", () =>
    Effect.gen(function* () {
      const { hash } = yield* seeded
      yield* foreign((fs) => fs.chown(file, 1000, 1001))
      yield* started(write("new", hash))
      const info = yield* foreign((fs) => fs.stat(file))
      assert.deepStrictEqual([info.uid, info.gid], [Option.some(1000), Option.some(1001)])
    }).pipe(onDisk({ uid: 0 })),
  )
})

describe("FileConfigSource behind symbolic links", () => {
  it.effect("replaces the target of the links, with lock and temporary file beside it", () =>
    Effect.gen(function* () {
      yield* foreign((fs) =>
        Effect.gen(function* () {
          yield* fs.makeDirectory("/dotfiles", { recursive: true })
          yield* fs.makeDirectory(directory, { recursive: true })
          yield* fs.symlink("../../dotfiles/signalbox.json", file)
        }),
      )
      const { hash } = yield* seeded
      yield* started(write("new", hash))
      assert.strictEqual(yield* foreign((fs) => fs.readLink(file)), "../../dotfiles/signalbox.json")
      assert.strictEqual(yield* foreign((fs) => fs.readFileString("/dotfiles/signalbox.json")), "new")
      assert.deepStrictEqual(yield* foreign((fs) => fs.readDirectory("/dotfiles")), ["signalbox.json"])
    }).pipe(onDisk()),
  )
  it.effect("follows links that change during a write", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const { hash } = yield* foreign((fs) =>
        Effect.gen(function* () {
          for (const name of ["one", "two"]) {
            yield* fs.makeDirectory(`${directory}/${name}`, { recursive: true })
            yield* fs.writeFileString(`${directory}/${name}/config.json`, "old")
          }
          yield* fs.symlink("one", `${directory}/..data`)
          yield* fs.symlink("..data/config.json", file)
        }),
      ).pipe(Effect.andThen(started(ConfigSource.use((source) => source.read))))
      yield* disk.before((operation) =>
        find("sync", temporary)(operation)
          ? Effect.orDie(
              Effect.andThen(
                Effect.ignore(disk.foreign.symlink("two", `${directory}/..new`)),
                Effect.ignore(disk.foreign.rename(`${directory}/..new`, `${directory}/..data`)),
              ),
            )
          : Effect.void,
      )
      yield* started(write("new", hash))
      const texts = yield* foreign((fs) =>
        Effect.forEach(["one", "two"], (name) => fs.readFileString(`${directory}/${name}/config.json`)),
      )
      assert.deepStrictEqual(texts, ["old", "new"])
      assert.deepStrictEqual(
        (yield* foreign((fs) => fs.readDirectory(directory, { recursive: true }))).filter((name) =>
          name.includes(".new"),
        ),
        [],
      )
    }).pipe(Effect.scoped, onDisk()),
  )
})

describe("hints of FileConfigSource", () => {
  /** The hints after the first one, which reports that the source watches. */
  const listen = Effect.gen(function* () {
    const source = yield* ConfigSource
    const hints = yield* Queue.unbounded<void>()
    yield* Effect.forkScoped(Stream.runForEach(source.hints, () => Queue.offer(hints, undefined)))
    yield* soon(Queue.take(hints))
    return hints
  })
  const soon = <A>(effect: Effect.Effect<A>) =>
    Effect.raceFirst(effect, Effect.forever(Effect.andThen(TestClock.adjust("50 millis"), Effect.yieldNow)))

  it.effect("emits hints by polling with a warning while nothing can be watched", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      yield* seeded
      yield* disk.inject({ at: find("watch"), error: "ENOSPC", times: 3 })
      yield* started(
        Effect.gen(function* () {
          const source = yield* ConfigSource
          const hints = yield* listen
          const [warning] = yield* source.warnings
          assert.include(warning, "cannot be watched")
          assert.include(warning, "ENOSPC")
          yield* foreign((fs) => fs.writeFileString(file, "foreign"))
          yield* soon(Queue.take(hints))
          for (const text of ["again", "and again", "at last"]) {
            yield* foreign((fs) => fs.writeFileString(file, text))
            yield* soon(Queue.take(hints))
          }
          assert.deepStrictEqual(yield* source.warnings, [])
        }),
      )
    }).pipe(Effect.scoped, onDisk()),
  )
  it.effect("emits hints after the directory was renamed and created again", () =>
    Effect.gen(function* () {
      yield* seeded
      yield* started(
        Effect.gen(function* () {
          const hints = yield* listen
          yield* foreign((fs) => fs.rename(directory, `${directory}.old`))
          yield* soon(Queue.take(hints))
          yield* foreign((fs) => fs.makeDirectory(directory))
          yield* foreign((fs) => fs.writeFileString(file, "again"))
          yield* soon(Queue.take(hints))
          yield* foreign((fs) => fs.writeFileString(file, "and again"))
          yield* soon(Queue.take(hints))
        }),
      )
    }).pipe(Effect.scoped, onDisk()),
  )
})
