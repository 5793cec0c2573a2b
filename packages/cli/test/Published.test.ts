/** The bundle outside of this repository, as installed without koffi. */
import { spawnSync } from "node:child_process"
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, runProgram, started } from "./Command.ts"

describe("the bundle", () => {
  it.live("runs without koffi, and reports that it locks files with flock(1)", (context) =>
    Effect.gen(function* () {
      if (spawnSync("flock", ["--version"]).error !== undefined) return context.skip("there is no flock(1)")
      const { config, directory, env } = yield* home
      const script = join(directory, "installed", "signalbox.cjs")
      cpSync(dirname(program), dirname(script), { recursive: true })
      // `doctor` must not depend on a host of this machine that holds the default port.
      const run = (...words: ReadonlyArray<string>) => runProgram(script, words, { ...env, SIGNALBOX_PORT: "0" })
      assert.deepInclude(yield* run("--version"), { code: 0, stderr: "" })
      const set = yield* run("config", "set", "models.fast", '{"provider":"echo","upstream":"gpt-5"}')
      assert.strictEqual(set.code, 0, set.stderr)
      assert.include(readFileSync(config, "utf8"), "gpt-5")
      const doctor = yield* run("doctor")
      assert.strictEqual(doctor.code, 0, doctor.stderr)
      assert.match(doctor.stdout, /^note +locks .*flock\(1\)/m)
    }),
  )

  it.live("is executable, names its interpreter, and holds no path of the machine that built it", () =>
    Effect.sync(() => {
      assert.strictEqual(statSync(program).mode & 0o111, 0o111)
      assert.isTrue(readFileSync(program, "utf8").startsWith("#!/usr/bin/env node\n"))
      const root = join(import.meta.dirname, "..", "..", "..")
      const chunks = join(dirname(program), "chunks")
      for (const name of readdirSync(chunks)) {
        assert.isFalse(readFileSync(join(chunks, name), "utf8").includes(root), name)
      }
    }),
  )

  it.live("keeps compiled code in a private directory of the user's cache, unless that is turned off", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const cache = (name: string) => join(directory, name, "signalbox")
      const run = (more: Readonly<Record<string, string>>) =>
        runProgram(process.execPath, [program, "config", "path"], { ...env, ...more })
      assert.strictEqual((yield* run({ XDG_CACHE_HOME: join(directory, "on") })).code, 0)
      assert.strictEqual(statSync(cache("on")).mode & 0o777, 0o700)
      assert.isNotEmpty(readdirSync(cache("on")))
      const off = { XDG_CACHE_HOME: join(directory, "off"), NODE_DISABLE_COMPILE_CACHE: "1" }
      assert.strictEqual((yield* run(off)).code, 0)
      assert.isEmpty(readdirSync(cache("off")))
      // Node would execute code that another user put there.
      mkdirSync(cache("open"), { recursive: true })
      chmodSync(cache("open"), 0o777)
      assert.strictEqual((yield* run({ XDG_CACHE_HOME: join(directory, "open") })).code, 0)
      assert.isEmpty(readdirSync(cache("open")))
    }),
  )

  it.live("starts a host that gets SIGHUP before it has loaded its own code", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const early = join(directory, "early.cjs")
      writeFileSync(
        early,
        `const Module = require("node:module")
        const load = Module._load
        Module._load = (request, ...rest) => {
          if (request.includes("chunks/Cli-")) process.kill(process.pid, "SIGHUP")
          return load(request, ...rest)
        }`,
      )
      const host = yield* started(process.execPath, ["--require", early, program, "serve", "--port", "0"], env)
      yield* host.lineWith("listens on")
    }),
  )

  it.live("reports an uncaught error in one line and a hint", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const thrown = join(directory, "thrown.cjs")
      writeFileSync(
        thrown,
        `const asking = setInterval(() => {
          if (process.listenerCount("uncaughtException") === 0) return
          clearInterval(asking)
          throw new Error("boom")
        }, 1)`,
      )
      const run = (...more: ReadonlyArray<string>) =>
        runProgram(process.execPath, ["--require", thrown, program, "serve", "--port", "0", ...more], env)
      const { code, stderr } = yield* run()
      assert.strictEqual(code, 1)
      assert.match(stderr, /^signalbox: unexpected error: boom\nhint: .*--verbose.*\n$/)
      assert.match((yield* run("--verbose")).stderr, /Error: boom\n +at /)
    }),
  )

  it.live("never loads code of another version into a running host", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const installed = join(directory, "node_modules", "signalbox")
      cpSync(dirname(program), installed, { recursive: true })
      const host = yield* started(process.execPath, [join(installed, "signalbox.cjs"), "serve", "--port", "0"], env)
      const [, url = ""] = /(http:\S+)/.exec(yield* host.lineWith("listens on")) ?? []
      // The host loads the admin API with its first request.
      assert.strictEqual((yield* runProgram(process.execPath, [program, "services"], env)).code, 0)
      // Chunks of a newer version have other names.
      rmSync(join(installed, "chunks"), { recursive: true })
      const provider = '{"kind":"openai","base_url":"http://127.0.0.1:9/v1"}'
      const set = yield* runProgram(process.execPath, [program, "config", "set", "providers.late", provider], env)
      assert.strictEqual(set.code, 1)
      assert.match(set.stderr, /a part of this program is gone|failed on this request/)
      const body = '{"model":"echo","messages":[{"role":"user","content":"still here"}]}'
      const headers = { "content-type": "application/json" }
      const answer = yield* Effect.promise(() =>
        fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body }).then((response) => response.text()),
      )
      assert.include(answer, "still here")
    }),
  )
})
