/**
 * The packages as npm publishes them, in an empty project: the README's example and the command run under plain node. Dependencies are links to
 * this repository's `node_modules`; the torture run installs them with npm, which needs a registry.
 */
import { execFile } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { running } from "./running.ts"

const root = join(import.meta.dirname, "../../..")
const inRoot = { cwd: root, maxBuffer: 1 << 26 }
const execute = promisify(execFile)

const emptyProject = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-published-"))),
  (directory) => Effect.promise(() => rm(directory, { recursive: true, force: true })),
)

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, string | { readonly types: string }>>
}

const published: ReadonlyArray<Manifest> = globSync("packages/*/package.json", { cwd: root })
  .map((file): Manifest => JSON.parse(readFileSync(join(root, file), "utf8")))
  .filter((manifest) => manifest.private !== true)

/** Every module of every package, with its declaration file. Suites need vitest, which a host does not install. */
const exported = {
  modules: published.flatMap(({ exports = {}, name }) =>
    Object.keys(exports)
      .filter((path) => !path.endsWith(".json") && !path.endsWith("Suite"))
      .map((path) => join(name, path)),
  ),
  types: published.flatMap(({ exports = {}, name }) =>
    Object.values(exports).flatMap((entry) => (typeof entry === "string" ? [] : [join(name, entry.types)])),
  ),
}

const pack = async (project: string): Promise<ReadonlyMap<string, string>> => {
  await execute("npm", ["run", "build"], inRoot)
  const packages = published.flatMap(({ name }) => ["-w", name])
  await execute("npm", ["pack", ...packages, "--pack-destination", project], inRoot)
  const tarballs = (await readdir(project)).filter((file) => file.endsWith(".tgz"))
  assert.lengthOf(tarballs, published.length)
  return new Map(tarballs.map((file) => [`@signalbox/${/^signalbox-(\w+)-/.exec(file)?.[1]}`, file]))
}

const installWithNpm = async (project: string, tarballs: ReadonlyMap<string, string>) => {
  const { dependencies } = JSON.parse(await readFile(join(root, "packages/examples/package.json"), "utf8"))
  const manifest = {
    type: "module",
    dependencies: {
      effect: dependencies.effect,
      "@effect/platform-node": dependencies["@effect/platform-node"],
      ...Object.fromEntries(Array.from(tarballs, ([name, file]) => [name, `file:${file}`])),
    },
  }
  await writeFile(join(project, "package.json"), JSON.stringify(manifest))
  await execute("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], { ...inRoot, cwd: project })
}

/** Links only what the manifests name, so that an undeclared dependency fails here as it would for a user. */
const unpackAndLink = async (project: string, tarballs: ReadonlyMap<string, string>) => {
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }))
  const modules = join(project, "node_modules")
  const needed = new Set<string>()
  for (const [name, file] of tarballs) {
    const directory = join(modules, name)
    await mkdir(directory, { recursive: true })
    await execute("tar", ["-xzf", join(project, file), "-C", directory, "--strip-components=1"])
    const manifest = JSON.parse(await readFile(join(directory, "package.json"), "utf8"))
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      if (!tarballs.has(name) && peerDependenciesMeta[name]?.optional !== true) needed.add(name)
    }
    for (const [command, path] of Object.entries<string>(manifest.bin ?? {})) {
      await mkdir(join(modules, ".bin"), { recursive: true })
      await symlink(join(directory, path), join(modules, ".bin", command))
    }
  }
  for (const name of needed) {
    await mkdir(dirname(join(modules, name)), { recursive: true })
    await symlink(join(root, "node_modules", name), join(modules, name))
  }
}

const install = async (project: string) => {
  const tarballs = await pack(project)
  await (process.env["SIGNALBOX_TORTURE"] ? installWithNpm : unpackAndLink)(project, tarballs)
}

it.live(
  "runs the README's example and the command from the packed packages in an empty project",
  () =>
    Effect.gen(function* () {
      const project = yield* emptyProject
      yield* Effect.promise(() => install(project))

      yield* Effect.promise(() =>
        copyFile(join(root, "packages/examples/src/smallest.ts"), join(project, "example.ts")),
      )
      const host = yield* running(process.execPath, ["example.ts"], {
        cwd: project,
        env: { ...process.env, XDG_DATA_HOME: join(project, "data") },
      })
      const file = join(project, "data/signalbox-hello/config.json")
      yield* host.lineWith(`Following ${file}`)
      const seeded = yield* Effect.promise(() => readFile(file, "utf8"))
      yield* Effect.promise(() => writeFile(file, seeded.replace("gpt-4.1-mini", "gpt-5")))
      yield* host.lineWith("- models.fast: gpt-4.1-mini → gpt-5")
      host.signal("SIGINT")
      yield* host.ended
      assert.strictEqual(host.errors(), "")

      const env = { ...process.env, XDG_DATA_HOME: join(project, "data") }
      const command = join(project, "node_modules/.bin/signalbox")
      const signalbox = (...words: ReadonlyArray<string>) =>
        Effect.promise(() => execute(process.execPath, [command, ...words], { cwd: project, env }))
      const serving = yield* running(process.execPath, [command, "serve", "--port", "0"], { cwd: project, env })
      yield* serving.lineWith("host.started")
      yield* signalbox("config", "set", "models.fast", '{"provider":"echo","upstream":"echo-1"}')
      yield* serving.lineWith("model.added alias=fast")
      assert.include((yield* signalbox("models")).stdout, "fast")
      serving.signal("SIGTERM")
      assert.strictEqual(yield* serving.ended, 0)
      assert.strictEqual(serving.errors(), "")

      const { modules, types } = exported
      assert.isAbove(modules.length, 50)
      for (const file of types) {
        const text = yield* Effect.promise(() => readFile(join(project, "node_modules", file), "utf8"))
        assert.include(text, "export", file)
      }
      const imports = modules.map((module) => `await import(${JSON.stringify(module)})`).join("\n")
      yield* Effect.promise(() =>
        execute(process.execPath, ["--input-type=module", "-e", imports], { cwd: project, env }),
      )
    }).pipe(Effect.scoped),
  // A build of all packages takes a minute on a slow machine. The torture run also waits for a registry.
  600_000,
)
