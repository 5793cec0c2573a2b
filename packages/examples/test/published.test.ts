/**
 * What a stranger gets: the packages as npm would publish them, installed into an empty project, the README's example and the command under
 * plain node. Needs the npm registry (or its cache) for effect, koffi and undici.
 */
import { execFile } from "node:child_process"
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
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

const published = ["core", "node", "api", "gateway", "server", "cli"]

const install = async (project: string) => {
  await execute("npm", ["run", "build"], inRoot)
  const packages = published.flatMap((name) => ["-w", `packages/${name}`])
  await execute("npm", ["pack", ...packages, "--pack-destination", project], inRoot)
  const tarballs = (await readdir(project)).filter((file) => file.endsWith(".tgz"))
  assert.lengthOf(tarballs, published.length)
  const { dependencies } = JSON.parse(await readFile(join(root, "packages/examples/package.json"), "utf8"))
  const manifest = {
    type: "module",
    dependencies: {
      effect: dependencies.effect,
      "@effect/platform-node": dependencies["@effect/platform-node"],
      ...Object.fromEntries(
        tarballs.map((file) => [`@signalbox/${/^signalbox-(\w+)-/.exec(file)?.[1]}`, `file:${file}`]),
      ),
    },
  }
  await writeFile(join(project, "package.json"), JSON.stringify(manifest))
  await execute("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund"], { ...inRoot, cwd: project })
}

it.live(
  "packed and installed into an empty project, the README's example and the command run under plain node",
  () =>
    Effect.gen(function* () {
      const project = yield* emptyProject
      yield* Effect.promise(() => install(project))

      const readme = yield* Effect.promise(() => readFile(join(root, "README.md"), "utf8"))
      const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readme) ?? []
      yield* Effect.promise(() => writeFile(join(project, "example.ts"), example))
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
      assert.strictEqual(host.complaints(), "")

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
      assert.strictEqual(serving.complaints(), "")

      // A path per module, with its types.
      const modules = [
        "core/ConfigStore",
        "core/testing/SimulatedDisk",
        "node/Signalbox",
        "api/AdminClient",
        "gateway/Gateway",
        "server/Host",
      ]
      for (const module of modules) {
        const [name, ...path] = module.split("/")
        const types = join(project, "node_modules/@signalbox", name ?? "", "dist", `${path.join("/")}.d.ts`)
        assert.include(yield* Effect.promise(() => readFile(types, "utf8")), "export")
        yield* Effect.promise(() =>
          execute(process.execPath, ["-e", `await import("@signalbox/${module}")`, "--input-type=module"], {
            cwd: project,
          }),
        )
      }
    }).pipe(Effect.scoped),
  // A build, and an installation that may have to wait for the registry.
  180_000,
)
