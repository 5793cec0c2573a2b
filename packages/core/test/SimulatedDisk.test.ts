import { assert, describe, it } from "@effect/vitest"
import { FileExchange } from "@signalbox/core/FileExchange"
import { type Fates, type Operation, type Options, SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Cause, Deferred, Effect, Exit, FileSystem, type PlatformError, Queue, Stream } from "effect"
import * as fc from "fast-check"

const onDisk =
  (options?: Options) =>
  <A, E>(effect: Effect.Effect<A, E, FileSystem.FileSystem | SimulatedDisk>): Effect.Effect<A, E> =>
    Effect.provide(effect, SimulatedDisk.layerWith(options))

const bytes = (text: string) => new TextEncoder().encode(text)
const code = (error: PlatformError.PlatformError) =>
  error.reason._tag === "BadArgument" ? "EINVAL" : (error.reason.cause as { readonly code: string }).code

const save = Effect.fnUntraced(function* (path: string, text: string, options?: { readonly sync?: boolean }) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(
    Effect.gen(function* () {
      const file = yield* fs.open(path, { flag: "w" })
      yield* file.writeAll(bytes(text))
      if (options?.sync) yield* file.sync
    }),
  )
})
const syncDirectory = (path: string) =>
  FileSystem.FileSystem.use((fs) => Effect.scoped(Effect.flatMap(fs.open(path, { flag: "r" }), (file) => file.sync)))

const powerCycle = (fates: Fates) =>
  Effect.gen(function* () {
    const disk = yield* SimulatedDisk
    yield* disk.crash(fates)
    yield* disk.restart
  })

// ── an example for host authors ────────────────────────────────────────────────────────────────────────────────

/** The program under test: it must leave the old text or the new, whatever happens. */
const replace = Effect.fnUntraced(function* (path: string, text: string) {
  const fs = yield* FileSystem.FileSystem
  yield* save(`${path}.new`, text, { sync: true })
  yield* fs.rename(`${path}.new`, path)
  yield* syncDirectory("/tmp")
})

it.effect(
  "an example: a file replaced by writing, syncing and renaming is old or new after a power cut at any operation",
  () =>
    Effect.promise(() =>
      fc.assert(
        fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 12 }), (seed, at) =>
          Effect.gen(function* () {
            const disk = yield* SimulatedDisk
            yield* Effect.provide(replace("/tmp/a", "old"), disk.process)
            yield* disk.inject({ at: (yield* disk.operations) + at, crash: "random" })
            const exit = yield* Effect.exit(Effect.provide(replace("/tmp/a", "new"), disk.process))
            yield* disk.restart
            const found = yield* disk.foreign.readFileString("/tmp/a")
            const answer = Exit.isSuccess(exit) ? ["new"] : ["old", "new"]
            if (!answer.includes(found)) return yield* Effect.die(new Error(`${found}\n${yield* disk.report}`))
          }).pipe(onDisk({ seed }), Effect.runPromise),
        ),
        { numRuns: 200 },
      ),
    ),
)

describe("a power cut", () => {
  it.effect("takes what was not synced, and leaves what was", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      yield* save("/tmp/synced", "yes", { sync: true })
      yield* syncDirectory("/tmp")
      yield* save("/tmp/synced", "not any more")
      yield* save("/tmp/nameless", "synced, but its name is not", { sync: true })
      yield* powerCycle("lost")
      assert.strictEqual(yield* disk.foreign.readFileString("/tmp/synced"), "yes")
      assert.isFalse(yield* disk.foreign.exists("/tmp/nameless"))
    }).pipe(onDisk()),
  )
  it.effect("may keep a rename and lose what was written to the file before it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* save("/tmp/a", "old", { sync: true })
      yield* syncDirectory("/tmp")
      yield* save("/tmp/b", "new")
      yield* fs.rename("/tmp/b", "/tmp/a")
      yield* powerCycle((unsynced) => (unsynced.kind === "entries" ? "kept" : "lost"))
      assert.strictEqual(yield* fs.readFileString("/tmp/a"), "")
      assert.isFalse(yield* fs.exists("/tmp/b"))
    }).pipe(onDisk()),
  )
  it.effect("may lose an earlier rename and keep a later one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      for (const name of ["a", "b"]) yield* save(`/tmp/${name}.new`, name, { sync: true })
      yield* syncDirectory("/tmp")
      for (const name of ["a", "b"]) yield* fs.rename(`/tmp/${name}.new`, `/tmp/${name}`)
      yield* powerCycle((unsynced) => (unsynced.path.includes("a.new") ? "lost" : "kept"))
      assert.deepStrictEqual((yield* fs.readDirectory("/tmp")).toSorted(), ["a.new", "b"])
    }).pipe(onDisk()),
  )
  it.effect("tears a write into some stretch of it", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const found = new Set<string>()
      yield* save("/tmp/a", "", { sync: true })
      yield* syncDirectory("/tmp")
      for (let round = 0; round < 50; round++) {
        yield* save("/tmp/a", "0123456789")
        yield* powerCycle("torn")
        const text = yield* fs.readFileString("/tmp/a")
        assert.include(`${"\0".repeat(10)}0123456789`, text.replaceAll("\0", "") || "\0")
        found.add(text)
        yield* save("/tmp/a", "", { sync: true })
      }
      assert.isAbove(found.size, 10)
    }).pipe(onDisk({ seed: 7 })),
  )
  it.effect("leaves the mode that was synced, or the new one", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const mode = Effect.map(fs.stat("/tmp/a"), (info) => info.mode & 0o777)
      yield* fs.writeFileString("/tmp/a", "", { mode: 0o600 })
      yield* syncDirectory("/tmp")
      yield* fs.chmod("/tmp/a", 0o644)
      assert.strictEqual(yield* mode, 0o644)
      yield* powerCycle("lost")
      assert.strictEqual(yield* mode, 0o600)
    }).pipe(onDisk()),
  )
  it.effect("ends a process for ever, and shows the survivors to the next", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const started = yield* Deferred.make<FileSystem.FileSystem>()
      yield* Effect.provide(
        Effect.flatMap(FileSystem.FileSystem, (fs) => Deferred.succeed(started, fs)),
        disk.process,
      )
      const old = yield* Deferred.await(started)
      yield* old.writeFileString("/tmp/a", "kept")
      yield* disk.inject({ at: (operation) => operation.name === "rename", crash: "kept" })
      const exit = yield* Effect.exit(old.rename("/tmp/a", "/tmp/b"))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      yield* disk.crashed
      yield* disk.restart
      assert.isTrue(Exit.isFailure(yield* Effect.exit(old.exists("/tmp/b"))))
      assert.isTrue(
        yield* Effect.provide(
          FileSystem.FileSystem.use((fs) => fs.exists("/tmp/b")),
          disk.process,
        ),
      )
    }).pipe(onDisk()),
  )
  it.effect("has the same outcome for the same seed", () =>
    Effect.gen(function* () {
      const outcome = (seed: number) =>
        Effect.gen(function* () {
          const disk = yield* SimulatedDisk
          for (let i = 0; i < 20; i++) yield* save(`/tmp/${i}`, "0123456789")
          yield* powerCycle("random")
          const names = yield* disk.foreign.readDirectory("/tmp")
          const texts = yield* Effect.forEach(names, (name) => disk.foreign.readFileString(`/tmp/${name}`))
          return [names, texts, yield* disk.report]
        }).pipe(onDisk({ seed }))
      assert.deepStrictEqual(yield* outcome(5), yield* outcome(5))
      assert.notDeepEqual(yield* outcome(5), yield* outcome(6))
    }),
  )
})

describe("a fault", () => {
  it.effect("fails the operation that it names with the code that it names, and nothing else", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      yield* disk.inject({ at: ({ name, path }) => name === "rename" && path === "/tmp/a", error: "EACCES" })
      yield* fs.writeFileString("/tmp/a", "x")
      const error = yield* Effect.flip(fs.rename("/tmp/a", "/tmp/b"))
      assert.strictEqual(error.reason._tag, "PermissionDenied")
      assert.strictEqual(code(error), "EACCES")
      yield* fs.rename("/tmp/a", "/tmp/b")
      assert.include(yield* disk.report, "rename /tmp/a /tmp/b → EACCES")
    }).pipe(onDisk()),
  )
  it.effect("makes a write fall short without an error", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      yield* disk.inject({ at: (operation) => operation.name === "write", short: 3 })
      const file = yield* fs.open("/tmp/a", { flag: "w" })
      assert.strictEqual(yield* file.write(bytes("hello")), 3)
      yield* file.writeAll(bytes("lo"))
      assert.strictEqual(yield* fs.readFileString("/tmp/a"), "hello")
    }).pipe(Effect.scoped, onDisk()),
  )
  it.effect("of a sync is never healed by syncing the same file again", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      yield* save("/tmp/a", "old", { sync: true })
      yield* syncDirectory("/tmp")
      yield* disk.inject({ at: (operation) => operation.name === "sync", error: "EIO" })
      const file = yield* fs.open("/tmp/a", { flag: "r+" })
      yield* file.writeAll(bytes("new"))
      assert.strictEqual(code(yield* Effect.flip(file.sync)), "EIO")
      yield* file.sync
      assert.strictEqual(yield* fs.readFileString("/tmp/a"), "new")
      yield* powerCycle("lost")
      assert.strictEqual(yield* fs.readFileString("/tmp/a"), "old")
    }).pipe(Effect.scoped, onDisk()),
  )
  it.effect("comes when the disk is full: what fits is written, then ENOSPC", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      yield* disk.capacity(4)
      const file = yield* fs.open("/tmp/a", { flag: "w" })
      assert.strictEqual(yield* file.write(bytes("hello")), 4)
      assert.strictEqual(code(yield* Effect.flip(file.write(bytes("o")))), "ENOSPC")
      yield* disk.capacity(5)
      assert.strictEqual(yield* file.write(bytes("o")), 1)
    }).pipe(Effect.scoped, onDisk()),
  )
  it.effect("can be left to chance, and chance to the seed", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      yield* disk.weather({ error: 0.5, short: 0.5 })
      const attempts = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, i) => i),
        (i) => Effect.exit(fs.writeFileString(`/tmp/${i}`, "0123456789")),
      )
      yield* disk.calm
      const failed = attempts.filter(Exit.isFailure).length
      assert.isTrue(failed > 0 && failed < 50)
      yield* fs.writeFileString("/tmp/calm", "again")
    }).pipe(onDisk()),
  )
  it.effect("of permission comes from the mode, unless root asks", () =>
    Effect.gen(function* () {
      const attempt = Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        yield* fs.writeFileString("/tmp/a", "x")
        yield* fs.chmod("/tmp/a", 0o000)
        return yield* Effect.exit(fs.readFileString("/tmp/a"))
      })
      assert.isTrue(Exit.isFailure(yield* onDisk()(attempt)))
      assert.isTrue(Exit.isSuccess(yield* onDisk({ uid: 0 })(attempt)))
    }),
  )
})

describe("between operations", () => {
  it.effect("a hook sees each operation before it takes effect, and its own foreign edits are not numbered", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      const seen: Array<Operation> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* disk.before((operation) =>
            Effect.gen(function* () {
              seen.push(operation)
              if (operation.name === "rename") yield* Effect.orDie(disk.foreign.writeFileString("/tmp/b", "foreign"))
            }),
          )
          yield* fs.writeFileString("/tmp/a", "x")
          yield* fs.link("/tmp/a", "/tmp/c")
          yield* fs.rename("/tmp/a", "/tmp/b")
        }),
      )
      yield* fs.remove("/tmp/c")
      assert.deepStrictEqual(
        seen.map(({ name, number }) => [number, name]),
        [
          [1, "open"],
          [2, "write"],
          [3, "link"],
          [4, "rename"],
        ],
      )
      assert.strictEqual(yield* fs.readFileString("/tmp/b"), "x")
    }).pipe(onDisk()),
  )
  it.effect("a fiber can be interrupted before the operation, which then has not happened", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const fs = yield* FileSystem.FileSystem
      yield* disk.before((operation) => (operation.name === "write" ? Effect.interrupt : Effect.void))
      const exit = yield* Effect.exit(fs.writeFileString("/tmp/a", "x"))
      assert.isTrue(Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))
      assert.strictEqual(yield* disk.foreign.readFileString("/tmp/a"), "")
    }).pipe(Effect.scoped, onDisk()),
  )
})

describe("names", () => {
  it.effect("hard links share a file, which lives until its last name and its last descriptor are gone", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.writeFileString("/tmp/a", "x")
      yield* fs.link("/tmp/a", "/tmp/b")
      const [a, b] = [yield* fs.stat("/tmp/a"), yield* fs.stat("/tmp/b")]
      assert.deepStrictEqual(a.ino, b.ino)
      assert.deepStrictEqual(String(a.nlink), String(b.nlink))
      const file = yield* fs.open("/tmp/a", { flag: "r" })
      yield* fs.rename("/tmp/a", "/tmp/b")
      assert.isTrue(yield* fs.exists("/tmp/a"), "two names of one file stay")
      yield* fs.remove("/tmp/a")
      yield* fs.remove("/tmp/b")
      const buffer = new Uint8Array(1)
      assert.strictEqual(yield* file.read(buffer), 1)
    }).pipe(Effect.scoped, onDisk()),
  )
  it.effect("symbolic links lead on from where they stand, and a circle of them is ELOOP", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      yield* fs.makeDirectory("/tmp/one/two", { recursive: true })
      yield* fs.writeFileString("/tmp/one/two/file", "x")
      yield* fs.symlink("../tmp/one/./two", "/tmp/short")
      yield* fs.symlink("short/file", "/tmp/link")
      assert.strictEqual(yield* fs.readFileString("/tmp/link"), "x")
      assert.strictEqual(yield* fs.realPath("/tmp/link"), "/tmp/one/two/file")
      assert.strictEqual((yield* fs.lstat("/tmp/link")).type, "SymbolicLink")
      yield* fs.symlink("circle", "/tmp/circle")
      assert.strictEqual(code(yield* Effect.flip(fs.stat("/tmp/circle"))), "ELOOP")
    }).pipe(onDisk()),
  )
  it.effect("can be created exclusively, swapped, listed and removed as trees", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const exchange = yield* FileExchange
      yield* fs.writeFileString("/tmp/a", "a", { flag: "wx" })
      const error = yield* Effect.flip(fs.writeFileString("/tmp/a", "b", { flag: "wx" }))
      assert.strictEqual(error.reason._tag, "AlreadyExists")
      yield* fs.makeDirectory("/tmp/d")
      yield* fs.writeFileString("/tmp/d/b", "b")
      yield* exchange!("/tmp/a", "/tmp/d/b")
      assert.strictEqual(yield* fs.readFileString("/tmp/a"), "b")
      assert.deepStrictEqual((yield* fs.readDirectory("/tmp", { recursive: true })).toSorted(), ["a", "d", "d/b"])
      yield* fs.remove("/tmp/d", { recursive: true })
      assert.deepStrictEqual(yield* fs.readDirectory("/tmp"), ["a"])
    }).pipe(Effect.provide(SimulatedDisk.layer)),
  )
  it.effect("are watched: what happens to them and to the directory itself is told", () =>
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const ready = yield* Deferred.make<void>()
      yield* fs.makeDirectory("/tmp/d")
      const events = yield* Queue.unbounded<FileSystem.WatchEvent>()
      yield* fs.watch("/tmp/d", { onReady: () => Deferred.doneUnsafe(ready, Effect.void) }).pipe(
        Stream.runForEach((event) => Queue.offer(events, event)),
        Effect.forkScoped,
      )
      yield* Deferred.await(ready)
      yield* fs.writeFileString("/tmp/d/a", "x")
      yield* fs.rename("/tmp/d/a", "/tmp/d/b")
      yield* fs.remove("/tmp/d", { recursive: true })
      assert.deepStrictEqual(
        (yield* Queue.takeN(events, 6)).map(({ _tag, path }) => `${_tag} ${path}`),
        ["Create a", "Update a", "Remove a", "Create b", "Remove b", "Remove d"],
      )
    }).pipe(Effect.scoped, onDisk()),
  )
})

it.effect("a failure can be explained by the seed and the operations that led to it", () =>
  Effect.gen(function* () {
    const disk = yield* SimulatedDisk
    const exit = yield* Effect.exit(disk.explain(disk.foreign.readFileString("/tmp/missing")))
    assert.isTrue(Exit.isFailure(exit))
    const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
    assert.match(String(defect), /seed 42, 0 operations[\s\S]*foreign open \/tmp\/missing/)
  }).pipe(onDisk({ seed: 42 })),
)
