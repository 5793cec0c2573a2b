/** The bundle by itself, far from this repository, as somebody has it for whom npm could not install koffi. */
import { spawnSync } from "node:child_process"
import { cpSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, runProgram, started } from "./Command.ts"

describe("the bundle", () => {
  it.live("needs nothing beside it: without koffi files are locked by flock(1), and it says so", (context) =>
    Effect.gen(function* () {
      if (spawnSync("flock", ["--version"]).error !== undefined) return context.skip("there is no flock(1)")
      const { config, directory, env } = yield* home
      const script = join(directory, "installed", "signalbox.cjs")
      cpSync(dirname(yield* program), dirname(script), { recursive: true })
      const run = (...words: ReadonlyArray<string>) => runProgram(script, words, env)
      assert.deepInclude(yield* run("--version"), { code: 0, stderr: "" })
      const set = yield* run("config", "set", "models.fast.upstream", "gpt-5")
      assert.strictEqual(set.code, 0, set.stderr)
      assert.include(readFileSync(config, "utf8"), "gpt-5")
      const doctor = yield* run("doctor")
      assert.strictEqual(doctor.code, 0, doctor.stderr)
      assert.match(doctor.stdout, /^note +locks .*flock\(1\)/m)
    }),
  )

  it.live("is executable, names a node, and holds no path of the machine that made it", () =>
    Effect.gen(function* () {
      const script = yield* program
      assert.strictEqual(statSync(script).mode & 0o111, 0o111)
      assert.isTrue(readFileSync(script, "utf8").startsWith("#!/usr/bin/env node\n"))
      const chunks = join(dirname(script), "chunks")
      const root = join(import.meta.dirname, "..", "..", "..")
      const texts = readdirSync(chunks).map((name) => readFileSync(join(chunks, name), "utf8"))
      for (const text of texts) assert.isFalse(text.includes(root))
      // What is slow to make is made when it is asked for: bundle.ts.
      assert.isTrue(texts.some((text) => /this\.made\?\?=new Intl\.Segmenter/.test(text)))
    }),
  )

  it.live("a host that is told to read its document before it has loaded its own code starts", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const early = join(directory, "early.cjs")
      writeFileSync(
        early,
        `const Module = require("node:module")
        const load = Module._load
        Module._load = (request, ...rest) => {
          if (request.endsWith("BundledProgram.cjs")) process.kill(process.pid, "SIGHUP")
          return load(request, ...rest)
        }`,
      )
      const host = yield* started(process.execPath, ["--require", early, yield* program, "serve", "--port", "0"], env)
      yield* host.lineWith("listens on")
    }),
  )

  it.live("an error that nobody catches is one line and a hint, not the line of the bundle it comes from", () =>
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
        Effect.flatMap(program, (script) =>
          runProgram(process.execPath, ["--require", thrown, script, "serve", "--port", "0", ...more], env),
        )
      const { code, stderr } = yield* run()
      assert.strictEqual(code, 1)
      assert.match(stderr, /^signalbox: this should not have happened: boom\nhint: .*--verbose.*\n$/)
      assert.match((yield* run("--verbose")).stderr, /Error: boom\n +at /)
    }),
  )

  it.live("a host whose program was replaced says so when it needs more of it, and serves what it has", () =>
    Effect.gen(function* () {
      const { directory, env } = yield* home
      const installed = join(directory, "node_modules", "signalbox")
      cpSync(dirname(yield* program), installed, { recursive: true })
      const host = yield* started(process.execPath, [join(installed, "signalbox.cjs"), "serve", "--port", "0"], env)
      const [, url = ""] = /(http:\S+)/.exec(yield* host.lineWith("listens on")) ?? []
      // The admin API, too, is loaded when it is asked for.
      assert.strictEqual((yield* runProgram(yield* program, ["services"], env)).code, 0)
      cpSync(join(installed, "chunks", "program.cjs"), join(installed, "program.cjs"))
      renameSync(join(installed, "program.cjs"), join(installed, "chunks", "program.cjs"))
      const provider = '{"kind":"openai","base_url":"http://127.0.0.1:9/v1"}'
      const set = yield* runProgram(yield* program, ["config", "set", "providers.late", provider], env)
      assert.strictEqual(set.code, 1)
      assert.include(set.stderr, "Signalbox was updated or removed while it runs: start it again")
      const body = '{"model":"echo","messages":[{"role":"user","content":"still here"}]}'
      const headers = { "content-type": "application/json" }
      const answer = yield* Effect.promise(() =>
        fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body }).then((response) => response.text()),
      )
      assert.include(answer, "still here")
    }),
  )
})
