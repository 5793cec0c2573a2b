import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { assert, it } from "@effect/vitest"
import * as AtomicFile from "@signalbox/core/AtomicFile"
import { Effect, FileSystem } from "effect"
import { vi } from "vitest"
import * as LocalFileSystem from "../src/internal/LocalFileSystem.ts"

/** Every call of `node:fs` that the file system makes itself, and an operation that needs it. */
const operations: Readonly<
  Record<string, (fs: FileSystem.FileSystem, file: string) => Effect.Effect<unknown, unknown>>
> = {
  chmodSync: (fs, file) => fs.chmod(file, 0o600),
  chownSync: (fs, file) => fs.chown(file, process.getuid?.() ?? 0, process.getgid?.() ?? 0),
  fstatSync: (fs, file) => Effect.scoped(Effect.flatMap(fs.open(file), ({ stat }) => stat)),
  fsync: (fs, file) => Effect.scoped(Effect.flatMap(fs.open(file), ({ sync }) => sync)),
  ftruncateSync: (fs, file) => Effect.scoped(Effect.flatMap(fs.open(file, { flag: "r+" }), (f) => f.truncate(0))),
  linkSync: (fs, file) => fs.link(file, `${file}.link`),
  lstatSync: (fs, file) => fs.exists(file).pipe(Effect.andThen(fs.lstat?.(file) ?? Effect.void)),
  mkdirSync: (fs, file) => fs.makeDirectory(`${file}.directory`),
  openSync: (fs, file) => Effect.scoped(fs.open(file)),
  readSync: (fs, file) => Effect.scoped(Effect.flatMap(fs.open(file), (f) => f.readAlloc(4))),
  readdirSync: (fs, file) => fs.readDirectory(file.slice(0, file.lastIndexOf("/"))),
  renameSync: (fs, file) => Effect.andThen(fs.rename(file, `${file}.moved`), fs.rename(`${file}.moved`, file)),
  rmSync: (fs, file) => fs.remove(`${file}.link`, { force: true }),
  statSync: (fs, file) => fs.stat(file),
  unlinkSync: (fs, file) => Effect.andThen(Effect.ignore(fs.link(file, `${file}.other`)), fs.remove(`${file}.other`)),
  writeSync: (fs, file) =>
    Effect.scoped(Effect.flatMap(fs.open(file, { flag: "w" }), (f) => f.writeAll(new TextEncoder().encode("text")))),
}

/** Makes the first `times` calls of `name` fail. */
const failing = (name: string, code: string, times: number) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const original = fs[name as "fsync"] as (...args: ReadonlyArray<unknown>) => unknown
      let left = times
      const spy = vi.spyOn(fs, name as "fsync").mockImplementation(((...args: ReadonlyArray<unknown>) => {
        if (left-- <= 0) return original(...args)
        const error = Object.assign(new Error(`${code}: injected`), { code, syscall: name })
        const callback = args.at(-1)
        if (typeof callback !== "function") throw error
        callback(error)
        return undefined
      }) as never)
      syncBuiltinESMExports()
      return spy
    }),
    (spy) =>
      Effect.sync(() => {
        spy.mockRestore()
        syncBuiltinESMExports()
      }),
  )

const withFile = <A, E>(use: (fs: FileSystem.FileSystem, file: string) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const fileSystem = yield* FileSystem.FileSystem
    const file = `${yield* fileSystem.makeTempDirectoryScoped()}/file`
    yield* fileSystem.writeFileString(file, "text")
    return yield* use(fileSystem, file)
  }).pipe(Effect.scoped, Effect.provide(LocalFileSystem.layer))

for (const [name, operation] of Object.entries(operations)) {
  it.effect(`repeats an interrupted ${name}, and reports its other errors in words`, () =>
    withFile((fileSystem, file) =>
      Effect.gen(function* () {
        yield* Effect.scoped(Effect.andThen(failing(name, "EINTR", 2), operation(fileSystem, file)))
        assert.strictEqual(yield* fileSystem.readFileString(file), name === "ftruncateSync" ? "" : "text")
        for (const code of ["EIO", "EINTR", "ESTALE", "EUNKNOWN"]) {
          const error = (yield* Effect.flip(
            Effect.scoped(Effect.andThen(failing(name, code, Number.POSITIVE_INFINITY), operation(fileSystem, file))),
          )) as Parameters<typeof AtomicFile.errorCode>[0]
          assert.strictEqual(AtomicFile.errorCode(error), code)
          assert.notMatch(AtomicFile.errorDetail(error), /FileSystem|injected|\/file|Unknown/)
        }
      }),
    ),
  )
}

it.effect("does not fail when closing a file fails", () =>
  withFile((fileSystem, file) =>
    Effect.scoped(Effect.andThen(failing("closeSync", "EIO", 1), Effect.scoped(Effect.asVoid(fileSystem.open(file))))),
  ),
)
