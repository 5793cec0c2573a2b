import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home } from "./Command.ts"

const secret = "sk-live-4711aaaabbbbcccc"

describe("without a host", () => {
  it.live("shows the configuration that a host would start with, and creates no file", () =>
    Effect.gen(function* () {
      const { directory, json, run } = yield* home
      assert.deepStrictEqual((yield* json(["models"])).models, [
        { alias: "echo", provider: "echo", upstream: "echo-1", enabled: true, allowedKeys: ["*"] },
      ])
      assert.strictEqual((yield* json(["config", "get", "listen.port"])).value, 4747)
      assert.include((yield* run(["config", "get", "--document"])).stdout, "// Edit and save")
      assert.deepStrictEqual(yield* json(["config", "history"]), { entries: [] })
      assert.strictEqual((yield* json(["stats"])).totals.requests, 0)
      assert.deepStrictEqual(yield* json(["keys", "list"]), { credentials: [] })
      assert.isTrue((yield* json(["doctor"])).healthy)
      assert.strictEqual((yield* json(["config", "plan", "features.auth", "true"])).changes.length, 1)
      assert.strictEqual((yield* run(["config", "validate"])).code, 1)
      assert.strictEqual((yield* run(["config", "diff"])).code, 1)
      assert.strictEqual((yield* run(["status", "--tmux"])).stdout, "")
      assert.deepStrictEqual(readdirSync(directory), [])
    }),
  )

  it.live("leaves a hand-written document unchanged when it only reads", () =>
    Effect.gen(function* () {
      const { config, run } = yield* home
      mkdirSync(dirname(config), { recursive: true, mode: 0o700 })
      writeFileSync(config, '{ "models": { "mine": { "upstream": "m" } } }', { mode: 0o600 })
      for (const words of [
        ["config", "get"],
        ["models"],
        ["stats"],
        ["config", "plan", "features.auth", "true"],
        ["doctor"],
      ]) {
        assert.strictEqual((yield* run(words)).code, 0, words.join(" "))
        assert.deepStrictEqual(readdirSync(dirname(config)), ["config.json"], words.join(" "))
      }
    }),
  )

  it.live("writes the first document with mode 0600, keeps comments, and notes that only the schema was checked", () =>
    Effect.gen(function* () {
      const { config, run } = yield* home
      const { code, stderr, stdout } = yield* run([
        "config",
        "set",
        "models.fast",
        '{"provider":"echo","upstream":"gpt-5"}',
      ])
      assert.strictEqual(code, 0)
      assert.include(stdout, '- models.fast: (unset) → {"upstream":"gpt-5"')
      assert.include(stderr, "checked against the schema only")
      assert.strictEqual(statSync(config).mode & 0o777, 0o600)
      assert.strictEqual(statSync(dirname(config)).mode & 0o777, 0o700)
      const text = readFileSync(config, "utf8")
      assert.include(text, "// Edit and save")
      assert.include(text, '"upstream": "gpt-5"')
    }),
  )

  it.live("reads values as JSON, as text if they are not JSON or with --string, and from standard input for -", () =>
    Effect.gen(function* () {
      const { json, run } = yield* home
      const value = (path: string) => Effect.map(json(["config", "get", path]), ({ value }) => value)
      yield* json(["config", "set", "features.auth", "true"])
      assert.strictEqual(yield* value("features.auth"), true)
      yield* json(["config", "set", "/models/fast", '{"provider":"echo","upstream":"a"}'])
      assert.strictEqual(yield* value("models.fast.upstream"), "a")
      yield* json(["config", "set", "models.fast.upstream", "5", "--string"])
      assert.strictEqual(yield* value("models.fast.upstream"), "5")
      yield* json(["config", "set", 'models."gpt-4.1"', "-"], { input: '{"provider":"echo","upstream":"b"}\n' })
      assert.strictEqual(yield* value('models."gpt-4.1".upstream'), "b")
      const { code, stderr } = yield* run(["config", "set", "models.fast.upstream", "5"])
      assert.strictEqual(code, 1)
      assert.include(stderr, "--string")
      assert.strictEqual((yield* run(["config", "set", "models.fast.upstream", "-"])).code, 2)
      assert.strictEqual((yield* run(["config", "get", "models.fast.upstream"])).stdout, "5\n")
    }),
  )

  it.live("reads environment variables as a host does, and notes a write that one hides", () =>
    Effect.gen(function* () {
      const { json, run } = yield* home
      const env = { SIGNALBOX_PORT: "5001" }
      assert.deepInclude(yield* json(["config", "get", "listen.port"], { env }), {
        value: 5001,
        provenance: "environment",
      })
      const { code, stderr } = yield* run(["config", "set", "listen.port", "5002"], { env })
      assert.strictEqual(code, 0)
      assert.include(stderr, "listen.port is written, but the environment variable SIGNALBOX_PORT hides it: unset it")
      assert.strictEqual((yield* json(["config", "get", "listen.port"])).value, 5002)
      const bad = yield* run(["config", "set", "listen.port", "abc"], { env })
      assert.strictEqual(bad.code, 1)
      assert.match(
        bad.stderr,
        /^ {2}listen\.port: must be a number, not a string \(the document must be valid without environment variable SIGNALBOX_PORT\)$/m,
      )
      assert.strictEqual((yield* json(["config", "get", "listen.port"])).value, 5002)
    }),
  )

  it.live("warns a reader about the file mode each time, and about unknown keys only when validating or writing", () =>
    Effect.gen(function* () {
      const { config, run } = yield* home
      assert.include((yield* run(["config", "set", "modles.fast", "gpt-5"])).stderr, 'did you mean "models"?')
      for (const words of [["config", "get"], ["models"], ["stats"], ["config", "history"]])
        assert.notInclude((yield* run(words)).stderr, "modles", words.join(" "))
      assert.include((yield* run(["config", "validate"])).stderr, 'did you mean "models"?')
      chmodSync(config, 0o644)
      assert.match((yield* run(["models"])).stderr, /^warning: .*others can read it \(mode 0644\)/m)
    }),
  )

  it.live("names a refused environment variable as the user set it", () =>
    Effect.gen(function* () {
      const { run } = yield* home
      const port = yield* run(["config", "get", "listen.port"], { env: { SIGNALBOX_PORT: "abc" } })
      assert.strictEqual(port.code, 1)
      assert.include(port.stderr, "environment variable SIGNALBOX_PORT must")
      const serve = yield* run(["serve"], { env: { SIGNALBOX_PORT: "70000" } })
      assert.strictEqual(serve.code, 1)
      assert.match(serve.stderr, /^signalbox: the host does not start: its configuration is refused$/m)
      assert.include(serve.stderr, "environment variable SIGNALBOX_PORT:")
      const listen = yield* run(["config", "get"], { env: { SIGNALBOX_LISTEN_PORT: "abc" } })
      assert.include(listen.stderr, "environment variable SIGNALBOX_LISTEN_PORT must")
    }),
  )

  it.live("shows with --document the value in the document, and exits with 1 when it has none", () =>
    Effect.gen(function* () {
      const { json, run } = yield* home
      yield* json(["config", "set", "providers.openai", `{"kind":"openai","api_key":"${secret}"}`])
      const env = { SIGNALBOX_MODELS_ECHO_UPSTREAM: "echo-9" }
      const shown = yield* json(["config", "get", "models.echo", "--document"], { env })
      assert.deepInclude(shown, { value: { provider: "echo", upstream: "echo-1" }, provenance: "document" })
      assert.strictEqual((yield* json(["config", "get", "models.echo.upstream"], { env })).value, "echo-9")
      const key = yield* run(["config", "get", "providers.openai.api_key", "--document"])
      assert.deepStrictEqual([key.code, key.stdout], [0, "<redacted>\n"])
      const silent = yield* run(["config", "get", "listen.port", "--document"])
      assert.deepStrictEqual([silent.code, silent.stdout], [1, ""])
      assert.match(silent.stderr, /^signalbox: the document has no listen\.port\nhint: .*\n$/)
      const near = yield* run(["config", "get", "models.ecko", "--document"])
      assert.include(near.stderr, 'did you mean "echo"?')
      assert.strictEqual((yield* run(["config", "get", "listen.port"])).stdout, "4747\n")
    }),
  )
})

describe("a named document", () => {
  it.live("uses the document that --config or SIGNALBOX_CONFIG names", () =>
    Effect.gen(function* () {
      const { config, directory, json } = yield* home
      const other = join(directory, "other", "box.json")
      mkdirSync(dirname(other))
      yield* json(["config", "set", "listen.port", "5000", "--config", other])
      assert.isFalse(existsSync(config))
      const found = yield* json(["config", "get", "listen.port"], { env: { SIGNALBOX_CONFIG: other } })
      assert.strictEqual(found.value, 5000)
      assert.strictEqual((yield* json(["config", "path"], { env: { SIGNALBOX_CONFIG: other } })).path, other)
    }),
  )
})
