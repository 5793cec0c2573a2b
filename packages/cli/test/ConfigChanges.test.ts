/** Changes, refusals, history, secrets and keys in the files when no host is running. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, runProgram } from "./Command.ts"

const secret = "sk-live-4711aaaabbbbcccc"

describe("without a host", () => {
  it.live("changes nothing and names the place when a value is refused", () =>
    Effect.gen(function* () {
      const { config, json, run } = yield* home
      yield* json(["config", "set", "features.auth", "true"])
      const before = readFileSync(config, "utf8")
      const { code, stderr, stdout } = yield* run(["config", "set", "features.auth", "maybe"])
      assert.deepStrictEqual([code, stdout], [1, ""])
      assert.strictEqual(
        stderr,
        "signalbox: the change is refused; nothing was changed\n" +
          "  features.auth: must be true or false, not a string\nhint: correct the value and try again\n",
      )
      const asJson = yield* run(["config", "set", "features.auth", "maybe", "--json"])
      const problem = JSON.parse(asJson.stderr)
      assert.strictEqual(problem.type, "urn:signalbox:problem:rejected")
      assert.strictEqual(problem.problems[0].path, "/features/auth")
      assert.strictEqual(readFileSync(config, "utf8"), before)
    }),
  )

  it.live(
    "shows the last good configuration when a host refused the document, and marks the refused one in the history",
    () =>
      Effect.gen(function* () {
        const { config, json, run } = yield* home
        yield* json(["config", "set", "models.fast", '{"provider":"echo","upstream":"a"}'])
        const { hash } = yield* json(["config", "set", "models.fast.upstream", "b"])
        const refused = readFileSync(config, "utf8").replace('"b"', '"c"')
        const refusedHash = createHash("sha256").update(refused).digest("hex")
        writeFileSync(config, refused)
        const kept = join(dirname(config), "history", `900000000000000-${refusedHash}~refused-config.json`)
        writeFileSync(kept, refused, { mode: 0o600 })
        const shown = yield* run(["config", "get", "models.fast.upstream"])
        assert.strictEqual(shown.stdout.trim(), "b")
        assert.match(shown.stderr, /is refused; .*`signalbox doctor` shows the reason/)
        const { code, stdout } = yield* run(["doctor"])
        assert.strictEqual(code, 1)
        assert.include(stdout, "a service refused this document in an earlier process")
        const listed = (yield* run(["config", "history"])).stdout.split("\n")
        assert.match(listed[1] ?? "", new RegExp(`^${refusedHash.slice(0, 12)} .*never in force: refused$`))
        assert.match(listed[2] ?? "", new RegExp(`^${hash.slice(0, 12)} .*in force$`))
        const { changes } = yield* json(["config", "diff"])
        assert.deepStrictEqual(changes, [{ path: "/models/fast/upstream", before: "a", after: "b" }])
      }),
  )

  it.live("plans changes, undoes them, and compares documents of the history", () =>
    Effect.gen(function* () {
      const { json, run } = yield* home
      yield* json(["config", "set", "models.fast", '{"provider":"echo","upstream":"a"}'])
      const { hash } = yield* json(["config", "set", "models.fast.upstream", "b"])
      const plan = yield* json(["config", "plan", "models.fast.upstream", "c", "--unset", "models.echo"])
      assert.deepStrictEqual(plan.changes.map(({ path }: { path: string }) => path).toSorted(), [
        "/models/echo",
        "/models/fast/upstream",
      ])
      assert.strictEqual(plan.checked, "schema")
      assert.strictEqual((yield* json(["config", "get", "models.fast.upstream"])).value, "b")
      const { entries } = yield* json(["config", "history"])
      assert.deepStrictEqual(
        entries.map(({ current }: { current: boolean }) => current),
        [true, false, false],
      )
      assert.strictEqual(entries[0].hash, hash)
      const difference = yield* json(["config", "diff"])
      assert.deepStrictEqual(difference.changes, [{ path: "/models/fast/upstream", before: "a", after: "b" }])
      const whole = yield* json(["config", "diff", entries[2].hash.slice(0, 6), entries[1].hash])
      assert.deepStrictEqual(
        whole.changes.map(({ path }: { path: string }) => path),
        ["/models/fast"],
      )
      assert.strictEqual((yield* run(["config", "diff", "abcdef"])).code, 1)
      assert.include((yield* run(["config", "undo"])).stdout, "- models.fast.upstream: b → a")
      assert.include((yield* run(["config", "unset", "models.fast"])).stdout, "→ (unset)")
      assert.include((yield* run(["config", "undo"])).stdout, "(unset) →")
      assert.include((yield* run(["config", "undo"])).stdout, "models.fast: ")
      const key = (value: string) =>
        run(["config", "set", "providers.o", "-"], { input: `{"kind":"openai","api_key":"${value}"}` })
      yield* key("sk-first")
      yield* key("sk-second")
      const rotated = yield* run(["config", "undo"])
      assert.strictEqual(rotated.code, 4)
      assert.match(rotated.stderr, /the secret at \/providers\/o\/api_key.*\n.*write the old secret there yourself/)
    }),
  )

  it.live("validates a file or the document, and shows each problem with its place", () =>
    Effect.gen(function* () {
      const { directory, run } = yield* home
      const file = join(directory, "new.json")
      writeFileSync(file, '{\n  "models": { "a": { "upstream": 7 } }\n}\n')
      const refused = yield* run(["config", "validate", file])
      assert.strictEqual(refused.code, 1)
      assert.include(refused.stderr, `${file}:2:`)
      writeFileSync(file, '{ "modls": {} }')
      const accepted = yield* run(["config", "validate", file])
      assert.strictEqual(accepted.code, 0)
      assert.include(accepted.stderr, 'did you mean "models"?')
      writeFileSync(
        file,
        '{\n  "stats": {}, "stats": {},\n  "models": { "a": { "provider": "nobody", "upstream": "b" } }\n}\n',
      )
      const doubtful = yield* run(["config", "validate", file])
      assert.strictEqual(doubtful.code, 0)
      assert.match(doubtful.stderr, /:2:16: the key "stats" occurs here again.*:3:34: there is no provider "nobody"/s)
      assert.include((yield* run(["config", "plan", file])).stdout, 'there is no provider "nobody"')
      assert.strictEqual((yield* run(["config", "validate", "-"], { input: "{ nothing" })).code, 1)
      assert.strictEqual((yield* run(["config", "plan", file])).code, 0)
    }),
  )

  it.live("shows the last accepted document when the present one does not parse", () =>
    Effect.gen(function* () {
      const { config, json, run } = yield* home
      yield* json(["config", "set", "models.fast", '{"provider":"echo","upstream":"a"}'])
      writeFileSync(config, "{ broken")
      const { code, stderr, stdout } = yield* run(["config", "get", "models.fast.upstream"])
      assert.deepStrictEqual([code, stdout], [0, "a\n"])
      assert.include(stderr, "is refused; this is the last accepted one")
      assert.match(
        (yield* run(["models"])).stderr,
        /^warning: the document at .* is refused; this is the last accepted one/m,
      )
      assert.strictEqual((yield* run(["config", "set", "models.fast.upstream", "b"])).code, 1)
      assert.strictEqual(readFileSync(config, "utf8"), "{ broken")
      assert.strictEqual((yield* run(["config", "undo"])).code, 0)
      assert.strictEqual((yield* json(["config", "get", "models.fast.upstream"])).value, "a")
    }),
  )

  it.live("takes a secret from standard input and prints it nowhere", () =>
    Effect.gen(function* () {
      const { config, json, run } = yield* home
      yield* json(["config", "set", "providers.openai", '{"kind":"openai"}'])
      const output: Array<string> = []
      const collect = (words: ReadonlyArray<string>, input?: string) =>
        Effect.map(run(words, input === undefined ? {} : { input }), ({ stderr, stdout }) => {
          output.push(stdout, stderr)
        })
      yield* collect(["config", "set", "providers.openai.api_key", "-"], `${secret}\n`)
      assert.include(readFileSync(config, "utf8"), secret)
      for (const json of [[], ["--json"]]) {
        yield* collect(["config", "get", ...json])
        yield* collect(["config", "get", "providers.openai.api_key", ...json])
        yield* collect(["config", "get", "--document", ...json])
        yield* collect(["config", "plan", "providers.openai.kind", "anthropic", ...json])
        yield* collect(["config", "set", "providers.openai.kind", "nonsense", ...json])
        yield* collect(["config", "diff", ...json])
        yield* collect(["config", "history", ...json])
        yield* collect(["config", "validate", ...json])
        yield* collect(["models", ...json])
        yield* collect(["doctor", ...json])
        yield* collect(["config", "unset", "providers.openai.api_key", "--verbose", ...json])
        yield* collect(["config", "undo", ...json])
      }
      assert.include(output.join(""), "<redacted>")
      assert.notInclude(output.join("\n"), secret)
    }),
  )

  it.live("refuses standard input that is not UTF-8", () =>
    Effect.gen(function* () {
      const { config, directory, env } = yield* home
      const path = join(directory, "latin1")
      writeFileSync(path, Buffer.from("sk-\xe9t\xe9-4711", "latin1"))
      const set = ["config", "set", "models.echo.upstream", "-"]
      const shell = ["-c", `exec "$@" < '${path}'`, "sh", process.execPath, program, ...set]
      const { code, stderr } = yield* runProgram("/bin/sh", shell, env)
      assert.strictEqual(code, 1)
      assert.include(stderr, "standard input cannot be read (it is not UTF-8)")
      assert.isFalse(existsSync(config))
    }),
  )

  it.live("adds, lists and revokes keys, with only the secret on standard output", () =>
    Effect.gen(function* () {
      const { json, run } = yield* home
      const { code, stdout } = yield* run([
        "keys",
        "add",
        "alice",
        "--label",
        "Alice's laptop",
        "--models",
        "echo, fast",
      ])
      assert.strictEqual(code, 0)
      assert.match(stdout, /^\S{40,}\n$/)
      const { credentials } = yield* json(["keys", "list"])
      assert.deepInclude(credentials[0], { id: "alice", label: "Alice's laptop", models: ["echo", "fast"] })
      assert.notInclude(JSON.stringify(credentials), stdout.trim())
      assert.strictEqual((yield* run(["keys", "add", "alice"])).code, 4)
      assert.strictEqual((yield* run(["keys", "add", "no way"])).code, 2)
      const near = yield* run(["keys", "revoke", "alise"])
      assert.strictEqual(near.code, 1)
      assert.include(near.stderr, 'did you mean "alice"?')
      assert.deepStrictEqual(yield* json(["keys", "revoke", "alice"]), { revoked: "alice" })
      assert.deepStrictEqual(yield* json(["keys", "list"]), { credentials: [] })
    }),
  )
})

describe("with a refused first document", () => {
  it.live("shows the schema, the keys and the ledger, and refuses a change because of the document", () =>
    Effect.gen(function* () {
      const { config, json, run } = yield* home
      mkdirSync(dirname(config), { recursive: true, mode: 0o700 })
      writeFileSync(config, "{ broken", { mode: 0o600 })
      assert.isObject(yield* json(["config", "schema"]))
      assert.deepStrictEqual(yield* json(["keys", "list"]), { credentials: [] })
      assert.strictEqual((yield* json(["stats", "--window", "1h"])).totals.requests, 0)
      const set = yield* run(["config", "set", "features.auth", "true"])
      assert.strictEqual(set.code, 1)
      assert.match(set.stderr, /config\.json:1:\d+: /)
      assert.notInclude(set.stderr, "--string")
    }),
  )
})
