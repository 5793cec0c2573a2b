/** A host in a PID namespace of its own, as in a container, and commands outside of it, and the other way round. */
import { spawnSync } from "node:child_process"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, runProgram, started } from "./Command.ts"

const asRoot = process.geteuid?.() === 0 ? [] : ["--user", "--map-root-user"]
const inContainer = [...asRoot, "--pid", "--fork", "--kill-child", "--mount-proc"]
const probe = spawnSync("unshare", [...inContainer, "true"], { encoding: "utf8" })

describe.skipIf(probe.status !== 0)("a host in another PID namespace (needs unshare)", () => {
  const host = (env: Readonly<Record<string, string>>, isolation: ReadonlyArray<string> = []) =>
    Effect.gen(function* () {
      const words = [...inContainer, ...isolation, process.execPath, program, "serve", "--port", "0"]
      const process_ = yield* started("unshare", words, env)
      yield* process_.lineWith("listens on")
      return process_
    })

  it.live("is found by status, config set, doctor and serve, without a pid that means another process", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* host(at.env)
      const status = yield* at.json(["status"])
      assert.isTrue(status.ready)
      assert.notProperty(status, "pid")
      const text = yield* at.run(["status"])
      assert.include(text.stdout, "a process in another PID namespace")
      const set = yield* at.json(["config", "set", "features.debug", "true"])
      assert.strictEqual(set.checked, "services")
      const doctor = yield* at.run(["doctor"])
      assert.match(doctor.stdout, /^ok +host +a process in another PID namespace/m)
      const serve = yield* at.run(["serve", "--port", "0"])
      assert.strictEqual(serve.code, 4)
      assert.match(
        serve.stderr,
        /^signalbox: [Aa]nother host serves this document already: a process in another PID name/,
      )
      assert.notMatch(`${serve.stderr}${text.stdout}${doctor.stdout}`, /\bkill \d|\bpid \d/)
    }),
  )

  it.live("is reported by every command if its network is closed to them, and follows their changes of the files", () =>
    Effect.gen(function* () {
      const at = yield* home
      // Without a network the loopback address must be brought up first.
      const up = ["--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
      if (spawnSync("unshare", [...inContainer, ...up, "true"]).status !== 0) return
      const running = yield* host(at.env, up)
      const status = yield* at.run(["status"])
      assert.strictEqual(status.code, 3)
      assert.include(status.stderr, "cannot be reached at http://127.0.0.1:")
      const set = yield* at.run(["config", "set", "features.debug", "true"])
      assert.strictEqual(set.code, 0, set.stderr)
      assert.include(set.stderr, "cannot be reached")
      yield* running.lineWith("config.changed")
      assert.include((yield* at.run(["doctor"])).stdout, "cannot be reached at")
      assert.strictEqual((yield* at.run(["serve", "--port", "0"])).code, 4)
    }),
  )

  it.live("finds a host outside of its own namespace", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.host()
      const status = yield* runProgram("unshare", [...inContainer, process.execPath, program, "status"], at.env)
      assert.strictEqual(status.code, 0, status.stderr)
      assert.include(status.stdout, "a process in another PID namespace")
    }),
  )

  it.live("is gone as soon as it is killed, although its pid lives here", () =>
    Effect.gen(function* () {
      const at = yield* home
      const running = yield* host(at.env)
      running.signal("SIGKILL")
      yield* running.ended
      // unshare has ended; the kernel ends the namespace with it.
      for (;;) {
        const { code } = yield* at.run(["status"])
        if (code === 3) break
      }
      assert.include((yield* at.run(["status"])).stderr, "no host is running")
    }),
  )
})
