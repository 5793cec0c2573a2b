/** Commands against a running host. */
import { readFileSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, started } from "./Command.ts"

const secret = "sk-live-4711aaaabbbbcccc"

const ask = (url: string) =>
  Effect.promise(() =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "echo", messages: [{ role: "user", content: "Hello" }] }),
    }).then((response) => response.json()),
  )

describe("with a host", () => {
  it.live("shows the state of the host", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const status = yield* at.json(["status"])
      assert.deepInclude(status, { ready: true, revision: 1, degraded: [], config: at.config, requests: 0 })
      yield* ask(status.url)
      assert.strictEqual((yield* at.json(["stats", "--window", "5m"])).totals.requests, 1)
      assert.match((yield* at.run(["stats"])).stdout, /^echo +1 +0 /m)
      const { models, providers } = yield* at.json(["models"])
      assert.deepInclude(models[0], { alias: "echo", provider: "echo", upstream: "echo-1" })
      assert.deepInclude(providers[0], { id: "echo", kind: "echo", hasKey: false })
      assert.strictEqual((yield* at.run(["models"])).stderr, "")
      const { generations, services } = yield* at.json(["services"])
      assert.isNotEmpty(services)
      assert.strictEqual(generations[0].revision, 1)
      assert.match((yield* at.run(["services"])).stdout, /^Models generation \d+, built in .*\n├─ /m)
      assert.isTrue((yield* at.json(["doctor"])).healthy)
      assert.include((yield* at.run(["doctor"])).stdout, status.url)
      assert.strictEqual((yield* at.run(["config", "validate"])).stderr, "")
      assert.strictEqual((yield* at.json(["config", "schema"])).$schema, "https://json-schema.org/draft/2020-12/schema")
      assert.deepStrictEqual(yield* at.json(["keys", "list"]), { credentials: [] })
    }),
  )

  it.live("draws the host's status file with status --tmux in hexai's format", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      yield* ask((yield* at.json(["status"])).url)
      // The host writes its status at most once a second.
      const drawn = (...words: ReadonlyArray<string>): Effect.Effect<string> =>
        Effect.flatMap(at.run(["status", "--tmux", ...words]), ({ stdout }) =>
          stdout.includes("echo") ? Effect.succeed(stdout) : drawn(...words),
        )
      const rpm =
        /^#\[fg=default\]Σ@1h #\[fg=colour3\]↑#\[fg=default\]\d+B #\[fg=colour2\]↓#\[fg=default\]\d+B 0\.0rpm \| echo:echo 0\.0rpm 1r\n$/
      assert.match(yield* drawn(), rpm)
      const { stdout } = yield* at.run(["status", "--tmux", "--narrow", "--fg=red", "--theme", "white-on-blue"])
      assert.match(stdout, /^#\[fg=red,bg=blue\].*rpm#\[fg=default,bg=default\]\n$/)
      // effect/cli prints the same line.
      const { line } = yield* at.json(["status", "--tmux", "--narrow", "--fg=red", "--theme", "white-on-blue"])
      assert.strictEqual(`${line}\n`, stdout)
    }),
  )

  it.live("changes the running host at once, and shows what a change rebuilds", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const plan = yield* at.json(["config", "plan", "models.fast", '{"provider":"echo","upstream":"e"}'])
      assert.strictEqual(plan.checked, "services")
      assert.isTrue(plan.rebuilt.some((name: string) => name.endsWith("Models")))
      const set = yield* at.run(["config", "set", "models.fast", '{"provider":"echo","upstream":"e"}'])
      assert.deepStrictEqual([set.code, set.stderr], [0, ""])
      assert.match(set.stdout, /^- models\.fast: \(unset\) → .*\ndocument now [0-9a-f]{12}, revision 2\n$/)
      assert.strictEqual((yield* at.json(["models"])).models.length, 2)
      const listen = yield* at.run(["config", "set", "listen.host", "127.0.0.2"])
      assert.include(listen.stderr, "listen.host takes effect at the next start")
      // The port on the command line overrides the document.
      assert.include(
        (yield* at.run(["config", "set", "listen.port", "4848"])).stderr,
        "listen.port is written, but a value set at run time",
      )
      assert.strictEqual((yield* at.run(["config", "undo"])).code, 0)
      assert.include((yield* at.run(["config", "undo"])).stdout, "- listen.host: 127.0.0.2 → 127.0.0.1")
      assert.include((yield* at.run(["config", "diff"])).stdout, "- listen.host: 127.0.0.2 → 127.0.0.1")
      const refused = yield* at.run(["config", "set", "default_model_alias", "fats"])
      assert.strictEqual(refused.code, 1)
      assert.include(refused.stderr, 'did you mean "fast"?')
      const unknown = yield* at.run(["config", "get", "models.fats"])
      assert.strictEqual(unknown.code, 1)
      const key = yield* at.run(["keys", "add", "alice"])
      assert.match(key.stdout, /^\S{40,}\n$/)
      assert.strictEqual((yield* at.run(["keys", "add", "alice"])).code, 4)
      const unusable = yield* at.run(["keys", "add", "no way"])
      assert.strictEqual(unusable.code, 2)
      assert.include(unusable.stderr, "its id must have 1 to 64 letters")
      const label = yield* at.run(["keys", "add", "bob", "--label", "two\nlines"])
      assert.deepStrictEqual([label.code, label.stderr.includes("its label must have")], [2, true])
      const nobody = yield* at.run(["keys", "revoke", "bob"])
      assert.strictEqual(nobody.code, 1)
      assert.match(nobody.stderr, /^signalbox: there is no key "bob"; nothing was revoked\nhint: `signalbox keys list`/)
      assert.strictEqual((yield* at.run(["keys", "revoke", "alice"])).code, 0)
    }),
  )

  it.live("writes an unknown key and warns with a near name", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const set = yield* at.run(["config", "set", "modles.fast.upstream", "gpt-5"])
      assert.strictEqual(set.code, 0)
      assert.include(set.stderr, 'unknown key "modles" (did you mean "models"?)')
      assert.strictEqual((yield* at.run(["config", "set", "features.debug", "true", "--json"])).stderr, "")
    }),
  )

  it.live("prints what a reload changed, and lets the file win with --ignore-environment", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.json(["config", "set", "stats.window_minutes", "30"])
      const env = { ...at.env, SIGNALBOX_STATS_WINDOW_MINUTES: "90" }
      const host = yield* started(process.execPath, [program, "serve", "--port", "0"], env)
      yield* host.lineWith("listens on")
      assert.include(yield* at.json(["config", "get", "stats.window_minutes"]), {
        value: 90,
        provenance: "environment",
      })
      assert.strictEqual((yield* at.run(["reload"])).stdout, "Reloaded config (no changes detected).\n")
      const { stdout } = yield* at.run(["reload", "--ignore-environment"])
      assert.strictEqual(stdout, "Reloaded config (1 change):\n- stats.window_minutes: 90 → 30\n")
      assert.strictEqual((yield* at.json(["reload"])).changes.length, 1)
      assert.include(
        (yield* at.run(["config", "set", "stats.window_minutes", "40"])).stderr,
        "SIGNALBOX_STATS_WINDOW_MINUTES hides it",
      )
    }),
  )

  it.live("replaces with config edit only the document that was edited", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const edit = join(at.directory, "edit.sh")
      const mine = `sed -i 's/"echo-1"/"mine"/' "$1"\n`
      writeFileSync(edit, `'${process.execPath}' '${program}' config set features.debug true >&2\n${mine}`)
      const conflict = yield* at.run(["config", "edit", "--yes"], { env: { EDITOR: `sh ${edit}` } })
      assert.strictEqual(conflict.code, 4, conflict.stderr)
      const [, kept = ""] = /your text is kept at (\S+)/.exec(conflict.stderr) ?? []
      assert.include(readFileSync(kept, "utf8"), '"mine"')
      assert.strictEqual((yield* at.json(["config", "get", "models.echo.upstream"])).value, "echo-1")
      writeFileSync(edit, mine)
      const applied = yield* at.run(["config", "edit", "--yes"], { env: { EDITOR: `sh ${edit}` } })
      assert.strictEqual(applied.code, 0, applied.stderr)
      assert.strictEqual((yield* at.json(["config", "get", "models.echo.upstream"])).value, "mine")
    }),
  )

  it.live("keeps the last good configuration and reports a refused document in validate, get and doctor", () =>
    Effect.gen(function* () {
      const at = yield* home
      const host = yield* at.host()
      writeFileSync(at.config, '{\n  "models": 7\n}\n')
      host.signal("SIGHUP")
      const followed = yield* started(
        process.execPath,
        [program, "events", "--types", "config.rejected", "--since", "0:0"],
        at.env,
      )
      yield* followed.lineWith("config.rejected")
      const validate = yield* at.run(["config", "validate"])
      assert.strictEqual(validate.code, 1)
      assert.include(validate.stderr, "config.json:2:")
      const get = yield* at.run(["config", "get", "models.echo.upstream"])
      assert.deepStrictEqual([get.code, get.stdout], [0, "echo-1\n"])
      assert.include(get.stderr, "is refused")
      const doctor = yield* at.run(["doctor"])
      assert.strictEqual(doctor.code, 1)
      assert.match(doctor.stdout, /^PROBLEM +degraded .*config\.json:2:/m)
      const set = yield* at.run(["config", "set", "features.debug", "true"])
      assert.strictEqual(set.code, 1)
      assert.match(set.stderr, /^signalbox: nothing was changed: the document at .*config\.json is already refused$/m)
      assert.match(set.stderr, /config\.json:2:\d+: /)
      assert.notInclude(set.stderr, "--string")
      const undo = yield* at.run(["config", "undo"])
      assert.strictEqual(undo.code, 0)
      assert.include(undo.stderr, "kept in the history")
      assert.isTrue((yield* at.json(["doctor"])).healthy)
    }),
  )

  it.live("prints no secret of the host", () =>
    Effect.gen(function* () {
      const at = yield* home
      const host = yield* at.host()
      const events = yield* started(process.execPath, [program, "events", "--json"], at.env)
      const output: Array<string> = []
      const collect = (words: ReadonlyArray<string>, input?: string) =>
        Effect.map(at.run(words, input === undefined ? {} : { input }), ({ stderr, stdout }) =>
          output.push(stdout, stderr),
        )
      yield* collect(["config", "set", "providers.openai", '{"kind":"openai"}'])
      yield* collect(["config", "set", "providers.openai.api_key", "-"], `${secret}\n`)
      for (const words of [
        ["config", "get"],
        ["config", "get", "providers"],
        ["config", "get", "--document"],
        ["config", "diff"],
        ["config", "set", "providers.openai.kind", "nonsense", "--verbose"],
        ["models"],
        ["services"],
        ["status"],
        ["doctor"],
        ["config", "undo"],
      ]) {
        yield* collect(words)
        yield* collect([...words, "--json"])
      }
      output.push(yield* events.lineWith("providers/openai/api_key"), events.stderr(), host.stderr())
      assert.include(output.join(""), "<redacted>")
      assert.notInclude(output.join("\n"), secret)
      assert.notInclude(output.join("\n"), readFileSync(join(dirname(at.config), "admin.token"), "utf8").trim())
    }),
  )
})
