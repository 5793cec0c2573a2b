/** Commands against hosts that start, stop, hang or cannot be reached. */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Latch } from "effect"
import { home, program, started } from "./Command.ts"
import { onTerminal } from "./Terminal.ts"

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
      assert.match(ended.loser.stderr(), /^signalbox: another host serves this document already/)
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
      assert.match(second.stderr, /^signalbox: a host serves config\.json in the same directory already: pid \d+/)
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
      assert.match(stderr, /^signalbox: port \d+ of 127\.0\.0\.1 is taken by /)
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
