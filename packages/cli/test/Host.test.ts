/** Commands against a running host, and against hosts that stop, hang or cannot be reached. */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch } from "effect"
import { home, program, started } from "./Command.ts"
import { onTerminal } from "./Terminal.ts"

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
      assert.match(set.stdout, /^- models\.fast: \(unset\) → .*\nnow [0-9a-f]{12}, revision 2\n$/)
      assert.strictEqual((yield* at.json(["models"])).models.length, 2)
      const listen = yield* at.run(["config", "set", "listen.host", "127.0.0.2"])
      assert.include(listen.stderr, "listen.host takes effect at the next start")
      // The port on the command line overrides the document.
      assert.include((yield* at.run(["config", "set", "listen.port", "4848"])).stderr, "listen.port is written, but")
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
      assert.match(nobody.stderr, /^signalbox: There is no key "bob"; nothing was revoked\nhint: List the keys/)
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
      assert.include((yield* at.run(["config", "set", "stats.window_minutes", "40"])).stderr, "hides it")
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

describe("events", () => {
  it.live("prints events as CloudEvents, continues with --since, and ends with the host", () =>
    Effect.gen(function* () {
      const at = yield* home
      const host = yield* at.host()
      const all = yield* started(process.execPath, [program, "events", "--json"], at.env)
      const few = yield* started(process.execPath, [program, "events", "--types", "model.added, model.removed"], at.env)
      // A subscriber is listed once it receives events.
      const following = (count: number): Effect.Effect<void> =>
        Effect.flatMap(at.json(["services"]), ({ subscribers }) =>
          subscribers.length >= count ? Effect.void : following(count),
        )
      yield* following(3)
      yield* at.json(["config", "set", "models.fast.upstream", "a"])
      const changed = JSON.parse(yield* all.lineWith("config.changed"))
      assert.deepInclude(changed, { specversion: "1.0", type: "config.changed", revision: 2 })
      assert.match(yield* few.lineWith(""), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}model\.added alias=fast /)
      const again = yield* started(process.execPath, [program, "events", "--json", "--since", changed.id], at.env)
      assert.strictEqual(JSON.parse(yield* again.lineWith("")).type, JSON.parse(yield* all.lineWith("")).type)
      const gap = yield* started(process.execPath, [program, "events", "--json", "--since", "0:0"], at.env)
      assert.deepInclude(JSON.parse(yield* gap.lineWith("")), { specversion: "1.0", type: "gap" })
      host.signal("SIGTERM")
      assert.strictEqual(yield* host.ended, 0)
      assert.strictEqual(yield* few.ended, 3)
      assert.include(few.stderr(), "no host is running on")
    }),
  )

  it.live("exits without a message when its reader closes the pipe, and with 130 when interrupted", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const pipe = `"${process.execPath}" "${program}" events --since 0:0 | head -1; echo "code \${PIPESTATUS[0]}"`
      const piped = yield* started("bash", ["-c", pipe], at.env)
      yield* piped.lineWith("gap")
      yield* at.json(["config", "set", "models.fast.upstream", "a"])
      yield* piped.lineWith("code 0")
      assert.deepStrictEqual([yield* piped.ended, piped.stderr()], [0, ""])
      const followed = yield* started(process.execPath, [program, "events", "--since", "0:0"], at.env)
      yield* followed.lineWith("gap")
      followed.signal("SIGINT")
      assert.deepStrictEqual([yield* followed.ended, followed.stderr()], [130, ""])
    }),
  )

  it.live("rejects an invalid cursor as a usage error", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const { code, stderr } = yield* at.run(["events", "--since", "yesterday"])
      assert.strictEqual(code, 2, stderr)
    }),
  )
})

describe("hosts that come and go", () => {
  it.live("lets one of two hosts serve, and the other report it", () =>
    Effect.gen(function* () {
      const at = yield* home
      const words = [program, "serve", "--port", "0"]
      const both = yield* Effect.all([
        started(process.execPath, words, at.env),
        started(process.execPath, words, at.env),
      ])
      const ended = yield* Effect.raceFirst(
        Effect.map(both[0].ended, (code) => ({ code, loser: both[0], winner: both[1] })),
        Effect.map(both[1].ended, (code) => ({ code, loser: both[1], winner: both[0] })),
      )
      assert.strictEqual(ended.code, 4)
      assert.match(ended.loser.stderr(), /^signalbox: Another host serves this document already/)
      assert.match(ended.loser.stderr(), /\nhint: /)
      yield* ended.winner.lineWith("listens on")
      assert.strictEqual((yield* at.json(["status"])).pid, ended.winner.child.pid)
    }),
  )

  it.live("works on the files after the host was killed, and the next host serves the result", () =>
    Effect.gen(function* () {
      const at = yield* home
      const first = yield* at.host()
      yield* at.json(["config", "set", "models.fast", '{"provider":"echo","upstream":"before"}'])
      first.signal("SIGKILL")
      yield* first.ended
      assert.strictEqual((yield* at.run(["status"])).code, 3)
      const set = yield* at.run(["config", "set", "models.fast.upstream", "after"])
      assert.strictEqual(set.code, 0)
      assert.include(set.stderr, "checked against the schema only")
      const second = yield* at.host()
      assert.strictEqual((yield* at.json(["status"])).pid, second.child.pid)
      assert.strictEqual((yield* at.json(["config", "get", "models.fast.upstream"])).value, "after")
      second.signal("SIGTERM")
      assert.strictEqual(yield* second.ended, 0)
      assert.strictEqual((yield* at.run(["status"])).code, 3)
    }),
  )

  it.live("ignores a host of another document in the same directory", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const other = join(dirname(at.config), "other.json")
      const set = yield* at.run(["config", "set", "models.echo.upstream", "theirs", "--config", other])
      assert.strictEqual(set.code, 0, set.stderr)
      assert.include(readFileSync(other, "utf8"), '"theirs"')
      assert.strictEqual((yield* at.json(["config", "get", "models.echo.upstream"])).value, "echo-1")
      assert.strictEqual((yield* at.run(["reload", "--config", other])).code, 3)
      assert.strictEqual((yield* at.run(["reload", "--config", at.config])).code, 0)
      const second = yield* at.run(["serve", "--port", "0", "--config", other])
      assert.strictEqual(second.code, 4)
      assert.match(second.stderr, /^signalbox: A host serves config\.json in the same directory already: pid \d+/)
    }),
  )

  it.live("reports a taken port", () =>
    Effect.gen(function* () {
      const [one, two] = [yield* home, yield* home]
      yield* one.host()
      const { url } = yield* one.json(["status"])
      const words = ["serve", "--port", new URL(url).port]
      const { code, stderr } = yield* two.run(words)
      assert.strictEqual(code, 4)
      assert.match(stderr, /^signalbox: Port \d+ of 127\.0\.0\.1 is taken by /)
      assert.match(stderr, /\nhint: /)
      const problem = JSON.parse((yield* two.run([...words, "--json"])).stderr)
      assert.deepInclude(problem, { type: "urn:signalbox:problem:port-taken", exitCode: 4 })
      const again = JSON.parse((yield* one.run(["serve", "--port", "0", "--json"])).stderr)
      assert.deepInclude(again, { type: "urn:signalbox:problem:host-running", exitCode: 4 })
    }),
  )

  it.live("waits for a busy host, with a spinner on a terminal", () =>
    Effect.gen(function* () {
      const at = yield* home
      const host = yield* at.host()
      assert.isTrue((yield* at.json(["status"])).ready)
      host.signal("SIGSTOP")
      const terminal = yield* onTerminal([process.execPath, program, "models"], at.env)
      yield* terminal.shows("asking the host")
      host.signal("SIGCONT")
      yield* terminal.shows("echo-1")
      assert.strictEqual(yield* terminal.ended, 0)
    }),
  )

  it.live("clears no line on a terminal when no spinner was shown", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const terminal = yield* onTerminal([process.execPath, program, "models"], { ...at.env, NO_COLOR: "1" })
      assert.strictEqual(yield* terminal.ended, 0)
      assert.include(terminal.screen(), "echo-1")
      // On a slow machine, the spinner was shown and cleared.
      assert.strictEqual(terminal.screen().includes("\u001b"), terminal.screen().includes("asking the host"))
    }),
  )

  it.live("reports a stuck host within seconds in status, doctor and validate", () =>
    Effect.gen(function* () {
      const at = yield* home
      const host = yield* at.host()
      host.signal("SIGSTOP")
      const [status, doctor, validate] = yield* Effect.all(
        [at.run(["status"]), at.run(["doctor"]), at.run(["config", "validate"])],
        { concurrency: "unbounded" },
      )
      for (const { code, stderr } of [status, validate]) {
        assert.strictEqual(code, 1)
        assert.include(stderr, `the host (pid ${host.child.pid}, http://127.0.0.1:`)
        assert.include(stderr, "does not respond")
      }
      assert.strictEqual(doctor.code, 1)
      assert.match(doctor.stdout, /PROBLEM +host +the host \(pid \d+, [^)]+\) does not respond/)
    }),
  )

  it.live.skipIf(process.platform !== "linux")("reports a host that is stopping", () =>
    Effect.gen(function* () {
      const at = yield* home
      const upstream = yield* silentUpstream
      const host = yield* at.host()
      const { url } = yield* at.json(["status"])
      yield* at.json(["config", "set", "providers.slow", JSON.stringify({ kind: "openai", base_url: upstream.url })])
      yield* at.json(["config", "set", "models.slow", '{"provider":"slow","upstream":"slow-1"}'])
      yield* Effect.forkScoped(
        Effect.ignoreCause(
          Effect.promise((signal) =>
            fetch(`${url}/v1/chat/completions`, {
              method: "POST",
              headers: { "content-type": "application/json" },
              body: '{"model":"slow","messages":[{"role":"user","content":"x"}]}',
              signal,
            }),
          ),
        ),
      )
      yield* upstream.asked
      host.signal("SIGTERM")
      yield* host.lineWith("Waiting for 1 request")
      const status = yield* at.run(["status"])
      assert.strictEqual(status.code, 3)
      assert.include(status.stderr, `the host (pid ${host.child.pid}) is stopping: it finishes its requests`)
      const doctor = yield* at.run(["doctor"])
      assert.strictEqual(doctor.code, 0, doctor.stdout)
      assert.include(doctor.stdout, `the host (pid ${host.child.pid}) is stopping`)
      assert.notInclude(doctor.stdout, "no host is running")
    }),
  )

  it.live("reports a missing or invalid admin token", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      assert.isTrue((yield* at.json(["status"])).ready)
      const token = join(dirname(at.config), "admin.token")
      writeFileSync(token, "half a tok")
      const wrong = yield* at.run(["models"])
      assert.strictEqual(wrong.code, 1)
      assert.include(wrong.stderr, "admin.token holds no admin token")
      assert.notInclude(wrong.stderr, "half")
      unlinkSync(token)
      const gone = yield* at.run(["models"])
      assert.strictEqual(gone.code, 1)
      assert.include(gone.stderr, "admin.token cannot be read (ENOENT)")
    }),
  )
})

/** A provider that never responds. `asked` waits for its first request. */
const silentUpstream = Effect.gen(function* () {
  const asked = Latch.makeUnsafe(false)
  const server = yield* Effect.acquireRelease(
    Effect.callback<Server>((resume) => {
      const server = createServer(() => void asked.openUnsafe())
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { url: `http://127.0.0.1:${port}/v1`, asked: asked.await }
})
