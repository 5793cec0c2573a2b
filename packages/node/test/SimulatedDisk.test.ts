/** The simulated disk against the real one: the same calls have the same results and error codes. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, it } from "@effect/vitest"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, FileSystem, Option, type PlatformError } from "effect"
import * as fc from "fast-check"

type Call = (
  fs: FileSystem.FileSystem,
  at: (name: string) => string,
) => Effect.Effect<unknown, PlatformError.PlatformError>

const name = fc.constantFrom("a", "b", "d", "d/a", "d/b", "d/e", "d/e/a", "l", "l/a", "d/../a", "missing/a")
const target = fc.constantFrom("a", "d", "../d", "l", "d/e", "missing")
const text = fc.constantFrom("", "x", "longer text")
const one = (label: string, f: (name: string) => Call, names = name) =>
  names.map((name) => ({ label: `${label} ${name}`, call: f(name) }))
const two = (label: string, f: (from: string, to: string) => Call) =>
  fc.tuple(name, name).map(([from, to]) => ({ label: `${label} ${from} ${to}`, call: f(from, to) }))

const info = ({ mode, nlink, size, type }: FileSystem.File.Info) =>
  type === "Directory"
    ? { type, mode }
    : { type, mode: type === "File" ? mode : 0, size: size.toString(), nlink: Option.map(nlink, String) }

const call = fc.oneof(
  fc.tuple(name, text, fc.constantFrom("w", "wx", "a", "r+", "ax+")).map(([name, text, flag]) => ({
    label: `write ${name} ${flag} ${JSON.stringify(text)}`,
    call: ((fs, at) => fs.writeFileString(at(name), text, { flag: flag as FileSystem.OpenFlag })) satisfies Call,
  })),
  one("read", (name) => (fs, at) => fs.readFileString(at(name))),
  one("mkdir", (name) => (fs, at) => fs.makeDirectory(at(name))),
  // Node's own algorithm over mkdir(2); its error for a path with broken links is not compared.
  one("mkdir -p", (name) => (fs, at) => Effect.isSuccess(fs.makeDirectory(at(name), { recursive: true }))),
  one("remove", (name) => (fs, at) => fs.remove(at(name))),
  one("remove -r", (name) => (fs, at) => fs.remove(at(name), { recursive: true })),
  one("remove -rf", (name) => (fs, at) => fs.remove(at(name), { recursive: true, force: true })),
  one("list", (name) => (fs, at) => Effect.map(fs.readDirectory(at(name)), (names) => names.toSorted())),
  one("stat", (name) => (fs, at) => Effect.map(fs.stat(at(name)), info)),
  one("lstat", (name) => (fs, at) => Effect.map(fs.lstat(at(name)), info)),
  one("exists", (name) => (fs, at) => fs.exists(at(name))),
  one("chmod", (name) => (fs, at) => fs.chmod(at(name), 0o750)),
  one("truncate", (name) => (fs, at) => fs.truncate(at(name), 3)),
  one("readlink", (name) => (fs, at) => fs.readLink(at(name))),
  one(
    "realpath",
    (name) => (fs, at) =>
      Effect.zipWith(fs.realPath(at(name)), fs.realPath(at("")), (path, root) => path.slice(root.length)),
    // Node resolves `..` before it calls the disk.
    name.filter((name) => !name.includes("..")),
  ),
  one(
    "seek and write",
    (name) => (fs, at) =>
      Effect.scoped(
        Effect.gen(function* () {
          const file = yield* fs.open(at(name), { flag: "r+" })
          yield* file.seek(2n, "start")
          yield* file.writeAll(new TextEncoder().encode("yz"))
          yield* file.truncate(4)
          yield* file.seek(-1n, "current")
          const rest = yield* file.readAlloc(10)
          return Option.map(rest, (bytes) => new TextDecoder().decode(bytes))
        }),
      ),
  ),
  two("rename", (from, to) => (fs, at) => fs.rename(at(from), at(to))),
  two("link", (from, to) => (fs, at) => fs.link(at(from), at(to))),
  fc.tuple(target, name).map(([target, name]) => ({
    label: `symlink ${target} ${name}`,
    call: ((fs, at) => fs.symlink(target, at(name))) satisfies Call,
  })),
)

/** A directory below `parent`, so that `..` stays inside it. */
const answers = Effect.fnUntraced(function* (
  fs: FileSystem.FileSystem,
  parent: string,
  calls: ReadonlyArray<{ readonly label: string; readonly call: Call }>,
) {
  const root = `${parent}/root`
  yield* fs.makeDirectory(root)
  return yield* Effect.forEach(calls, ({ call, label }) =>
    Effect.match(
      call(fs, (name) => `${root}/${name}`),
      {
        onFailure: ({ reason }) =>
          `${label}: ${reason._tag === "BadArgument" ? "EINVAL" : (reason.cause as { readonly code: string }).code}`,
        onSuccess: (value) => `${label}: ${JSON.stringify(value ?? null)}`,
      },
    ),
  )
})

it.effect("returns the same results and errors as the real disk", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 25, size: "max" }), (calls) =>
        Effect.gen(function* () {
          const simulated = yield* Effect.provide(
            FileSystem.FileSystem.use((fs) => answers(fs, "/tmp", calls)),
            SimulatedDisk.layerWith({ uid: process.getuid?.() ?? 1000 }),
          )
          const real = yield* Effect.scoped(
            FileSystem.FileSystem.use((fs) =>
              Effect.flatMap(fs.makeTempDirectoryScoped({ prefix: "signalbox-disk-" }), (root) =>
                answers(fs, root, calls),
              ),
            ),
          ).pipe(Effect.provide(NodeFileSystem.layer))
          assert.deepStrictEqual(simulated, real)
        }).pipe(Effect.runPromise),
      ),
      { numRuns: process.env["SIGNALBOX_TORTURE"] ? 10_000 : 300 },
    ),
  ),
)
