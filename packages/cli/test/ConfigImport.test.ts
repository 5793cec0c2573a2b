/** `config import` of documents of copilot-api and others, on a terminal and without one. */
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program } from "./Command.ts"
import { onTerminal } from "./Terminal.ts"

describe("config import", () => {
  const copilot = {
    version: 1,
    models: { "gpt-4.1": { upstream: "gpt-4.1", enabled: true, allowed_keys: ["*"] }, slow: { upstream: "o3" } },
    retention: { events_days: 30, traces_days: 10, traces_max_bytes: 1000 },
    features: { auth: false, telemetry: true, debug: false },
    default_model_alias: "slow",
  }

  it.live(
    "imports a document of copilot-api, keeps sections that it does not have, and hints at a missing provider",
    () =>
      Effect.gen(function* () {
        const { config, directory, json, run } = yield* home
        yield* json(["config", "set", "listen.port", "4848"])
        const file = join(directory, "copilot.json")
        writeFileSync(file, JSON.stringify({ ...copilot, modles: 1 }))
        const dry = yield* run(["config", "import", file, "--dry-run"])
        assert.strictEqual(dry.code, 0)
        assert.include(dry.stdout, "default_model_alias")
        assert.notInclude(readFileSync(config, "utf8"), "gpt-4.1")
        const { code, stderr } = yield* run(["config", "import", file])
        assert.strictEqual(code, 0)
        assert.include(stderr, 'modles is unknown (did you mean "models"?)')
        assert.include(stderr, "config set providers.default")
        const { effective } = yield* json(["config", "get"])
        assert.deepStrictEqual(Object.keys(effective.models), ["gpt-4.1", "slow"])
        assert.strictEqual(effective.default_model_alias, "slow")
        assert.strictEqual(effective.retention.events_days, 30)
        assert.deepStrictEqual([effective.listen.port, effective.providers.echo.kind], [4848, "echo"])
        yield* json(["config", "set", "providers.default", '{"kind":"echo"}'])
        assert.notInclude((yield* run(["config", "import", file])).stderr, "providers.default")
      }),
  )

  it.live("shows the changes and asks on a terminal, but not with --yes, with --json or in a script", () =>
    Effect.gen(function* () {
      const at = yield* home
      const file = join(at.directory, "copilot.json")
      writeFileSync(file, JSON.stringify({ models: { slow: { upstream: "o3", provider: "echo" } } }))
      const words = [process.execPath, program, "config", "import", file]
      const aliases = Effect.map(at.json(["config", "get", "models"]), ({ value }) => Object.keys(value))
      const refused = yield* onTerminal(words, at.env)
      yield* refused.shows("- models.echo: ")
      yield* refused.shows("Apply this?")
      yield* refused.type("no\r")
      assert.strictEqual(yield* refused.ended, 1)
      assert.include(refused.screen(), "nothing was changed")
      assert.deepStrictEqual(yield* aliases, ["echo"])
      const agreed = yield* onTerminal(words, at.env)
      yield* agreed.shows("Apply this?")
      yield* agreed.type("y\r")
      assert.strictEqual(yield* agreed.ended, 0)
      assert.deepStrictEqual(yield* aliases, ["slow"])
      for (const flag of ["--yes", "--json"]) {
        const unasked = yield* onTerminal([...words, flag], at.env)
        assert.strictEqual(yield* unasked.ended, 0)
        assert.notInclude(unasked.screen(), "Apply this?")
      }
      const script = yield* at.run(["config", "import", file])
      assert.deepStrictEqual([script.code, script.stderr.includes("Apply this?")], [0, false])
    }),
  )

  it.live("imports nothing when the document changed before the user agreed", () =>
    Effect.gen(function* () {
      const at = yield* home
      const file = join(at.directory, "copilot.json")
      writeFileSync(file, JSON.stringify({ models: { slow: { upstream: "o3", provider: "echo" } } }))
      const terminal = yield* onTerminal([process.execPath, program, "config", "import", file], at.env)
      yield* terminal.shows("Apply this?")
      yield* at.json(["config", "set", "models.mine", '{"upstream":"m","provider":"echo"}'])
      yield* terminal.type("yes\r")
      assert.strictEqual(yield* terminal.ended, 4)
      const { value } = yield* at.json(["config", "get", "models"])
      assert.deepStrictEqual(Object.keys(value), ["echo", "mine"])
    }),
  )

  it.live("reads at most 64 MiB from an endless file", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      for (const words of [["import"], ["validate"], ["plan"]]) {
        const { code, stderr } = yield* run(["config", ...words, "/dev/zero"])
        assert.strictEqual(code, 1)
        assert.include(stderr, "/dev/zero cannot be read (it is larger than 64 MiB)")
      }
    }),
  )

  it.live("refuses a text that is not a document of this version, and writes nothing", () =>
    Effect.gen(function* () {
      const { config, run } = yield* home
      for (const input of ["[]", "{", '{"version":2,"models":{}}', '{"other":1}', '{"models":{"a":{}}}']) {
        const { code, stderr } = yield* run(["config", "import", "-"], { input })
        assert.strictEqual(code, 1, input)
        assert.match(stderr, /^signalbox: |^warning: /)
      }
      assert.isTrue(!existsSync(config) || !readFileSync(config, "utf8").includes('"a"'))
    }),
  )
})
