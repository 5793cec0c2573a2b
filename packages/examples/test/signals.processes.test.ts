/** Every documented way to start a host ends it with the signal, and not only the npm that started it. */
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"

const root = join(import.meta.dirname, "../../..")

const ways: ReadonlyArray<readonly [args: ReadonlyArray<string>, started: string]> = [
  [["start", "-s", "--", "--port", "0"], "host.started"],
  [["run", "-s", "signalbox", "--", "serve", "--port", "0"], "host.started"],
  [["start", "-s", "-w", "packages/examples", "src/smallest.ts"], "Following"],
]

/** Starts npm in a process group of its own, and returns once the host has printed that it runs. */
const npm = Effect.fnUntraced(function* (args: ReadonlyArray<string>, started: string) {
  const home = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
  const child = spawn("npm", args, {
    cwd: root,
    detached: true,
    env: { ...process.env, XDG_DATA_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  })
  const pid = child.pid ?? 0
  // The pipe ends when the last process that holds it is gone.
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()))
  yield* Effect.addFinalizer(() =>
    Effect.promise(() => {
      try {
        process.kill(-pid, "SIGKILL")
      } catch {}
      return ended
    }),
  )
  yield* Effect.callback<void>((resume) => {
    const seen: Array<string> = []
    createInterface(child.stdout).on("line", (line) => {
      seen.push(line)
      if (line.includes(started)) resume(Effect.void)
    })
    child.once("close", () => resume(Effect.die(new Error(`ended before ${started}: ${seen.join("\n")}`))))
  })
  return { pid, ended: Effect.promise(() => ended) }
})

for (const [args, started] of ways) {
  it.live(`ends \`npm ${args.join(" ")}\` with SIGTERM to npm, and with Ctrl-C`, () =>
    Effect.gen(function* () {
      const terminated = yield* npm(args, started)
      process.kill(terminated.pid, "SIGTERM")
      yield* terminated.ended
      const interrupted = yield* npm(args, started)
      process.kill(-interrupted.pid, "SIGINT")
      yield* interrupted.ended
    }).pipe(Effect.provide(NodeFileSystem.layer), Effect.scoped),
  )
}

it("replaces the shell by the program in every npm script that runs one", () => {
  for (const file of ["package.json", "packages/examples/package.json", "packages/cli/package.json"]) {
    const { scripts = {} } = JSON.parse(readFileSync(join(root, file), "utf8"))
    for (const name of ["start", "signalbox"]) {
      if (scripts[name] !== undefined) assert.match(scripts[name], /^exec /, `${name} of ${file}`)
    }
  }
})
