/**
 * The file source on real files, kernel locks and kernel watches: every way of saving leads to a hint and a read. Tests wait for hints and
 * never sleep.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { FileExchange } from "@signalbox/core/FileExchange"
import { configSourceSuite } from "@signalbox/core/testing/ConfigSourceSuite"
import * as NodeFileExchange from "@signalbox/node/NodeFileExchange"
import { Context, Effect, FileSystem, Layer, Logger, Queue, Stream } from "effect"
import { DocumentFile, editor, onFiles, platform, source } from "./DocumentFile.ts"

configSourceSuite("FileConfigSource by exchange", Layer.provide(onFiles, NodeFileExchange.layer), { clock: "live" })
configSourceSuite("FileConfigSource by hard links", Layer.provide(onFiles, Layer.succeed(FileExchange, undefined)), {
  clock: "live",
})

configSourceSuite(
  "FileConfigSource on Effect's own file system",
  Layer.mergeAll(source, editor).pipe(
    Layer.provide([DocumentFile.layer, NodeFileExchange.layer]),
    Layer.provide(NodeFileSystem.layer),
    Layer.provide(platform),
  ),
  { clock: "live" },
)

type Services = ConfigSource | DocumentFile | FileSystem.FileSystem

/** Runs on a seeded document. `saved(text)` waits until a hint leads to that text or error code. */
const edited = (
  title: string,
  body: (
    place: DocumentFile["Service"] & {
      readonly fs: FileSystem.FileSystem
      readonly saved: (text: string) => Effect.Effect<void>
    },
  ) => Effect.Effect<void, unknown, Services>,
) =>
  it.live(title, () =>
    Effect.gen(function* () {
      const { hints, read, seed } = yield* ConfigSource
      yield* seed("start")
      const queue = yield* Queue.unbounded<void>()
      yield* Effect.forkScoped(Stream.runForEach(hints, () => Queue.offer(queue, undefined)))
      yield* Queue.take(queue)
      const found = Effect.match(read, { onFailure: ({ code }) => code, onSuccess: ({ text }) => text })
      const saved = (text: string): Effect.Effect<void> =>
        Effect.flatMap(Effect.andThen(Queue.take(queue), found), (it) => (it === text ? Effect.void : saved(text)))
      yield* body({ ...(yield* DocumentFile), fs: yield* FileSystem.FileSystem, saved })
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(Layer.provide(onFiles, NodeFileExchange.layer)))),
  )

describe.concurrent("an edit is noticed", () => {
  edited("when vi saves: rename to a backup, write a new file, delete the backup", ({ file, fs, saved }) =>
    Effect.gen(function* () {
      for (const text of ["one", "two"]) {
        yield* fs.writeFileString(`${file.replace("config.json", "4913")}`, "")
        yield* fs.remove(`${file.replace("config.json", "4913")}`)
        yield* fs.rename(file, `${file}~`)
        yield* fs.writeFileString(file, text)
        yield* fs.remove(`${file}~`)
        yield* saved(text)
      }
    }),
  )
  edited("when another file is renamed over it", ({ directory, file, fs, saved }) =>
    Effect.gen(function* () {
      for (const text of ["one", "two"]) {
        yield* fs.writeFileString(`${directory}/.config.json.swp`, text)
        yield* fs.rename(`${directory}/.config.json.swp`, file)
        yield* saved(text)
      }
    }),
  )
  edited("when it is truncated and written in pieces", ({ file, fs, saved }) =>
    Effect.gen(function* () {
      for (const text of ["one", "two"]) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const handle = yield* fs.open(file, { flag: "w" })
            for (const letter of text) yield* handle.writeAll(new TextEncoder().encode(letter))
          }),
        )
        yield* saved(text)
      }
    }),
  )
  edited("when it is removed, and when it is restored", ({ file, fs, saved }) =>
    Effect.gen(function* () {
      for (const text of ["one", "two"]) {
        yield* fs.remove(file)
        yield* saved("ENOENT")
        yield* fs.writeFileString(file, text)
        yield* saved(text)
      }
    }),
  )
  edited("when its directory is removed, and when that is restored", ({ directory, file, fs, saved }) =>
    Effect.gen(function* () {
      for (const text of ["one", "two"]) {
        yield* fs.remove(directory, { recursive: true })
        yield* saved("ENOENT")
        yield* fs.makeDirectory(directory)
        yield* fs.writeFileString(file, text)
        yield* saved(text)
      }
    }),
  )
  edited("when its directory is replaced by another one", ({ directory, file, fs, saved }) =>
    Effect.gen(function* () {
      yield* fs.makeDirectory(`${directory}.new`)
      yield* fs.writeFileString(`${directory}.new/config.json`, "one")
      yield* fs.rename(directory, `${directory}.old`)
      yield* fs.rename(`${directory}.new`, directory)
      yield* saved("one")
      yield* fs.writeFileString(file, "two")
      yield* saved("two")
    }),
  )
  // Tests may run as root, which ignores modes. A directory in the place of the file is unreadable for every user.
  edited("when it becomes unreadable, which is not reported as missing, and readable again", ({ file, fs, saved }) =>
    Effect.gen(function* () {
      yield* fs.remove(file)
      yield* fs.makeDirectory(file)
      yield* saved("EISDIR")
      yield* fs.remove(file, { recursive: true })
      yield* fs.writeFileString(file, "one")
      yield* saved("one")
    }),
  )
  edited("when it is no longer UTF-8", ({ file, fs, saved }) =>
    Effect.gen(function* () {
      yield* fs.writeFile(file, new Uint8Array([0xff, 0xfe]))
      yield* saved("EILSEQ")
    }),
  )
})

describe.concurrent("a document mounted as Kubernetes does it", () => {
  const mounted = Effect.gen(function* () {
    const { directory, file } = yield* DocumentFile
    const fs = yield* FileSystem.FileSystem
    const version = Effect.fnUntraced(function* (name: string, text: string) {
      yield* fs.makeDirectory(`${directory}/..${name}`)
      yield* fs.writeFileString(`${directory}/..${name}/config.json`, text)
      yield* fs.symlink(`..${name}`, `${directory}/..data_tmp`)
      yield* fs.rename(`${directory}/..data_tmp`, `${directory}/..data`)
    })
    yield* version("1", "one")
    yield* fs.symlink("..data/config.json", file)
    return { version, directory, file, fs }
  })
  it.live("follows a swap of ..data and stops watching the old version", () =>
    Effect.gen(function* () {
      const { directory, fs, version } = yield* mounted
      const { hints, read } = yield* ConfigSource
      const queue = yield* Queue.unbounded<void>()
      yield* Effect.forkScoped(Stream.runForEach(hints, () => Queue.offer(queue, undefined)))
      yield* Queue.take(queue)
      yield* version("2", "two")
      yield* fs.remove(`${directory}/..1`, { recursive: true })
      yield* Queue.take(queue)
      assert.strictEqual((yield* read).text, "two")
      yield* fs.writeFileString(`${directory}/..2/config.json`, "in place")
      yield* Queue.take(queue)
      assert.strictEqual((yield* read).text, "in place")
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(onFiles))),
  )
  it.live("keeps the symbolic links when it writes", () =>
    Effect.gen(function* () {
      const { directory, file, fs } = yield* mounted
      const source = yield* ConfigSource
      yield* source.write("new", (yield* source.read).hash)
      assert.strictEqual(yield* fs.readLink(file), "..data/config.json")
      assert.strictEqual(yield* fs.readFileString(`${directory}/..1/config.json`), "new")
    }).pipe(Effect.scoped, Effect.provide(Layer.fresh(onFiles))),
  )
})

describe.concurrent("on a real disk", () => {
  it.live(
    "reports a mode that lets others read at every read, logs it for each loaded document, and tightens it with the next write",
    () =>
      Effect.gen(function* () {
        const { directory, file } = yield* DocumentFile
        const fs = yield* FileSystem.FileSystem
        const source = yield* ConfigSource
        const { hash } = yield* source.seed("start")
        const mode = (path: string) => Effect.map(fs.stat(path), (info) => info.mode & 0o777)
        assert.strictEqual(yield* mode(file), 0o600)
        yield* fs.chmod(file, 0o664)
        const logged: Array<unknown> = []
        const logger = Logger.make(({ message }) => void logged.push(message))
        yield* Effect.provide(Effect.andThen(source.read, source.read), Logger.layer([logger]))
        assert.strictEqual(logged.length, 1)
        assert.include(String(logged[0]), "0664")
        assert.deepStrictEqual(yield* source.warnings, [String(logged[0])])
        yield* fs.writeFileString(file, "edited")
        const edited = yield* Effect.provide(source.read, Logger.layer([logger]))
        assert.strictEqual(logged.length, 2)
        yield* source.write("new", edited.hash)
        yield* source.read
        assert.deepStrictEqual(yield* source.warnings, [])
        assert.strictEqual(yield* mode(file), 0o600)
        yield* source.history.keep("start", hash)
        assert.strictEqual(yield* mode(`${directory}/history`), 0o700)
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(onFiles))),
  )
  for (const exchange of [NodeFileExchange.layer, Layer.succeed(FileExchange, undefined)]) {
    it.live("keeps the text of an editor that saves at the moment of the write in the history", () =>
      Effect.gen(function* () {
        const { file } = yield* DocumentFile
        const source = yield* ConfigSource
        const { hash } = yield* source.seed("start")
        const written = yield* source.write("new", hash)
        const foreign = yield* source.hash("foreign")
        assert.deepStrictEqual(written.overwritten, { hash: foreign })
        assert.strictEqual((yield* source.history.read(foreign))?.text, "foreign")
        assert.deepInclude((yield* source.history.list)[0], { hash: foreign, neverInForce: "overwritten" })
        const fs = yield* FileSystem.FileSystem
        assert.strictEqual(yield* fs.readFileString(file), "new")
      }).pipe(
        Effect.scoped,
        Effect.provide(Layer.fresh(savingLate.pipe(Layer.provideMerge(Layer.provideMerge(platform, exchange))))),
      ),
    )
  }
})

/** An editor saves in place between the last check and the exchange. */
const savingLate = Layer.unwrap(
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const place = yield* Layer.build(DocumentFile.layer)
    const { file } = Context.get(place, DocumentFile)
    const save = Effect.orDie(fs.writeFileString(file, "foreign"))
    const exchange = yield* FileExchange
    const late: FileSystem.FileSystem = {
      ...fs,
      rename: (from, to) => Effect.andThen(to === file ? save : Effect.void, fs.rename(from, to)),
    }
    return Layer.merge(
      FileConfigSource.layerAt(file).pipe(
        Layer.provide(Layer.succeed(FileSystem.FileSystem, late)),
        Layer.provide(Layer.succeed(FileExchange, exchange && ((a, b) => Effect.andThen(save, exchange(a, b))))),
      ),
      Layer.succeedContext(place),
    )
  }),
)
