/** A host as a process: how it starts, and why it does not. */
import { spawnSync } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { readHostNote } from "@signalbox/server"
import { Effect } from "effect"
import { command, rest, serving, start, startHost, temporaryDirectory, until } from "./processes/HostProcess.ts"

interface Answer {
  readonly status?: string
  readonly version?: string
  readonly pid?: number
  readonly ready?: boolean
  readonly degraded?: ReadonlyArray<string>
}

const json = (url: string) =>
  Effect.promise(async () => {
    const response = await fetch(url)
    return { status: response.status, body: (await response.json()) as Answer }
  })

const files = (directory: string): ReadonlyArray<string> =>
  readdirSync(directory, { recursive: true, withFileTypes: true }).map(
    (entry) => `${join(entry.parentPath, entry.name)}`,
  )

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe("a host that starts", () => {
  it.live("seeds an empty home, keeps it to itself, says where it is and what to try next", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      const config = join(home, "a", "b", "config.json")
      const host = yield* serving({ config })

      const said = host.out.said.join("\n")
      assert.include(said, `Signalbox 0.1.0 listens on ${host.url}`)
      assert.include(said, `first start: it has written ${config}`)
      assert.include(said, `curl ${host.url}/v1/chat/completions`)
      assert.include(said, `signalbox --config ${config} events`)
      assert.include(said, `config.seeded path=${config}`)
      assert.strictEqual(host.err.said.join("\n"), "")

      const pid = host.child.pid ?? 0
      assert.deepStrictEqual(yield* json(`${host.url}/healthz`), {
        status: 200,
        body: { status: "ok", version: "0.1.0", pid },
      })
      const note = readHostNote(join(home, "a", "b", "host.lock"))
      assert.deepStrictEqual([note?.pid, note?.url, note?.version], [pid, host.url, "0.1.0"])

      const directory = join(home, "a", "b")
      assert.strictEqual(mode(directory), "700")
      for (const path of files(directory)) {
        assert.strictEqual(mode(path), statSync(path).isDirectory() ? "700" : "600", path)
      }
    }),
  )

  it.live("listens where the document says, the environment says it instead, and the option before both", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      writeFileSync(config, `{ "version": 1, "listen": { "host": "127.0.0.1", "port": 1 } }`)
      chmodSync(config, 0o600)
      const [program, ...args] = command({ config })
      const withoutPort = args.map((arg) => arg.replace(`"port":0,`, ""))
      const long = yield* start(program, withoutPort, { SIGNALBOX_LISTEN_PORT: "0" })
      yield* until(long, /listens on http:\/\/127\.0\.0\.1:\d{2,}$/)
      long.child.kill("SIGTERM")
      assert.strictEqual(yield* long.exit, 0)

      const short = yield* start(program, withoutPort, { SIGNALBOX_LISTEN_PORT: "1", SIGNALBOX_PORT: "0" })
      yield* until(short, /listens on http:\/\/127\.0\.0\.1:\d{2,}$/)
      short.child.kill("SIGTERM")
      assert.strictEqual(yield* short.exit, 0)

      const option = yield* start(program, args, { SIGNALBOX_PORT: "1" })
      yield* until(option, /listens on http:\/\/127\.0\.0\.1:\d{2,}$/)
    }),
  )

  it.live("serves alone: of two that start at once the other one says who serves", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      const hosts = [yield* startHost({ config }), yield* startHost({ config })] as const
      const one = yield* Effect.raceFirst(Effect.as(hosts[0].exit, 0), Effect.as(hosts[1].exit, 1))
      const [loser, winner] = one === 0 ? hosts : [hosts[1], hosts[0]]
      assert.strictEqual(yield* loser.exit, 1)
      yield* until(winner, /host\.started/)
      const said = (yield* rest(loser.err)).join("\n")
      assert.match(said, /^LockHeld: Another host serves this document already: /)
      assert.include(said, `pid ${winner.child.pid}`)
      assert.notInclude(said, "\n")

      // By now the first has said where it listens.
      const third = yield* startHost({ config })
      assert.strictEqual(yield* third.exit, 1)
      const { startedAt, url } = readHostNote(join(config, "..", "host.lock"))!
      const named = (yield* rest(third.err)).join("\n")
      assert.include(named, `pid ${winner.child.pid}, since ${startedAt}, at ${url} (`)
      assert.include(named, `kill ${winner.child.pid}`)
    }),
  )

  it.live("after one that was killed: its note counts for nothing, and nothing has to be cleared away", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      const lock = join(config, "..", "host.lock")
      const killed = yield* serving({ config })
      killed.child.kill("SIGKILL")
      assert.strictEqual(yield* killed.exit, "SIGKILL")
      assert.include(readFileSync(lock, "utf8"), `"pid":${killed.child.pid}`)
      assert.isUndefined(readHostNote(lock))

      const next = yield* serving({ config })
      assert.strictEqual((yield* json(`${next.url}/healthz`)).body.pid, next.child.pid)
      assert.strictEqual(readHostNote(lock)?.pid, next.child.pid)
      assert.include(next.out.said.join("\n"), `It follows ${config}`)
      next.child.kill("SIGTERM")
      assert.strictEqual(yield* next.exit, 0)
      assert.strictEqual(readFileSync(lock, "utf8"), "")
    }),
  )
})

const listening = (server: Server) =>
  Effect.acquireRelease(
    Effect.callback<number>((resume) => {
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0))
      })
    }),
    () =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )

describe("a host that cannot start", () => {
  it.live("names who has its port: a foreign process by name and pid, another host by its own word", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      // It accepts connections and never answers.
      const port = yield* listening(createServer(() => {}))
      const host = yield* startHost({ config: join(home, "config.json"), port })
      assert.strictEqual(yield* host.exit, 1)
      const said = (yield* rest(host.err)).join("\n")
      assert.include(said, `PortTaken: Port ${port} of 127.0.0.1 is taken by `)
      if (process.platform === "linux") assert.include(said, `(pid ${process.pid})`)
      assert.include(said, "--port")

      const other = yield* serving({ config: join(home, "other", "config.json") })
      const taken = yield* startHost({ config: join(home, "config.json"), port: Number(new URL(other.url).port) })
      assert.strictEqual(yield* taken.exit, 1)
      assert.include(
        (yield* rest(taken.err)).join("\n"),
        `taken by another Signalbox host (pid ${other.child.pid}, version 0.1.0)`,
      )
    }),
  )

  it.live("says so where its directory cannot be made", () =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      writeFileSync(join(home, "file"), "")
      const host = yield* startHost({ config: join(home, "file", "config.json") })
      assert.strictEqual(yield* host.exit, 1)
      assert.match(
        (yield* rest(host.err)).join("\n"),
        /^DirectoryUnusable: The directory \S+file cannot be made \(E\w+\)\. [^\n]+--config\.$/,
      )
    }),
  )

  it.live("says so where its directory is read-only", (context) =>
    Effect.gen(function* () {
      const home = yield* temporaryDirectory
      const unshare = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])]
      const readOnly = ["sh", "-c", 'mount -t tmpfs -o ro signalbox "$0" && exec "$@"', home]
      const tried = spawnSync("unshare", [...unshare, ...readOnly, "true"])
      if (tried.status !== 0) return context.skip(`no file system can be mounted here: ${tried.stderr}`)
      const host = yield* start("unshare", [...unshare, ...readOnly, ...command({ config: join(home, "config.json") })])
      assert.strictEqual(yield* host.exit, 1)
      assert.match(
        (yield* rest(host.err)).join("\n"),
        /^LockUnavailable: The host's lock \S+host\.lock cannot be had: .*read-only/,
      )
    }),
  )

  it.live("names file, line and column of a document that was never good", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      writeFileSync(config, `{\n  "version": 1,\n  "listen": { "port": "many" }\n}`, { mode: 0o600 })
      const host = yield* start(...split(command({ config }).map((arg) => arg.replace(`"port":0,`, ""))))
      assert.strictEqual(yield* host.exit, 1)
      const said = (yield* rest(host.err)).join("\n")
      assert.match(said, /^ConfigUnusable: The configuration is refused/)
      assert.include(said, `${config}:3:`)
      assert.include(said, "(at /listen/port)")
      assert.notMatch(said, /\n\s+at /)
    }),
  )

  it.live("is what --strict makes of a document that was good once; without it the last good one serves", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      const first = yield* serving({ config })
      first.child.kill("SIGTERM")
      assert.strictEqual(yield* first.exit, 0)
      const good = readFileSync(config, "utf8")
      writeFileSync(config, `{ "version": 1, "features": 7 }`)

      const strict = yield* startHost({ config, strict: true })
      assert.strictEqual(yield* strict.exit, 1)
      assert.include((yield* rest(strict.err)).join("\n"), "(at /features)")

      const lenient = yield* serving({ config })
      const { body, status } = yield* json(`${lenient.url}/readyz`)
      assert.strictEqual(status, 200)
      assert.isTrue(body.ready)
      assert.match(
        (body.degraded ?? []).join("\n"),
        /^The document is refused, the last good one serves: .*\(at \/features\)/,
      )
      const said = lenient.out.said.join("\n")
      assert.include(said, `It follows ${config}, which is refused: the last good one serves, `)
      writeFileSync(config, good)
      yield* until(lenient, /^config\.restored hash=[0-9a-f]{12} origin=file$/)
    }),
  )
})

const split = ([program = "", ...args]: ReadonlyArray<string>) => [program, args] as const
