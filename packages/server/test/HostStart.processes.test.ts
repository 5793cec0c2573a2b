/** Starts hosts as processes, where a start depends on other processes or on the file system. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { readHostNote } from "@signalbox/server"
import { Effect, Exit, Scope } from "effect"
import { embeddedHost } from "./EmbeddedHost.ts"
import { command, rest, serving, start, startHost, temporaryDirectory, until } from "./processes/HostProcess.ts"

it.live("lets one of two simultaneous hosts serve, and the other names the one that serves", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const hosts = [yield* startHost({ config }), yield* startHost({ config })] as const
    const first = yield* Effect.raceFirst(Effect.as(hosts[0].exit, 0), Effect.as(hosts[1].exit, 1))
    const [loser, winner] = first === 0 ? hosts : [hosts[1], hosts[0]]
    assert.strictEqual(yield* loser.exit, 1)
    yield* until(winner, /host\.started/)
    const message = (yield* rest(loser.err)).join("\n")
    assert.match(message, /^LockHeld: Another host serves this document already: /)
    assert.include(message, `pid ${winner.child.pid}`)
    assert.notInclude(message, "\n")

    // The winner has written its note by now.
    const third = yield* Effect.flip(embeddedHost({ config }))
    const { startedAt, url } = readHostNote(join(config, "..", "host.lock"))!
    assert.include(third.message, `pid ${winner.child.pid}, since ${startedAt}, at ${url} (`)
    assert.include(third.message, `kill ${winner.child.pid}`)
  }).pipe(Effect.scoped),
)

it.live("starts after a killed host without any cleanup, and ignores its note", () =>
  Effect.gen(function* () {
    const config = join(yield* temporaryDirectory, "config.json")
    const lock = join(config, "..", "host.lock")
    const killed = yield* serving({ config })
    killed.child.kill("SIGKILL")
    assert.strictEqual(yield* killed.exit, "SIGKILL")
    assert.include(readFileSync(lock, "utf8"), `"pid":${killed.child.pid}`)
    assert.isUndefined(readHostNote(lock))

    const scope = yield* Scope.fork(yield* Effect.scope)
    const next = yield* Scope.provide(embeddedHost({ config }), scope)
    assert.strictEqual(readHostNote(lock)?.pid, process.pid)
    assert.include(next.out.printed.join("\n"), `Its document is ${config}`)
    yield* Scope.close(scope, Exit.void)
    assert.strictEqual(readFileSync(lock, "utf8"), "")
  }).pipe(Effect.scoped),
)

it.live("fails if its directory is on a read-only file system", (context) =>
  Effect.gen(function* () {
    const home = yield* temporaryDirectory
    const unshare = ["--mount", ...(process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"])]
    const readOnly = ["sh", "-c", 'mount -t tmpfs -o ro signalbox "$0" && exec "$@"', home]
    const probe = spawnSync("unshare", [...unshare, ...readOnly, "true"])
    if (probe.status !== 0) return context.skip(`no file system can be mounted here: ${probe.stderr}`)
    const host = yield* start("unshare", [...unshare, ...readOnly, ...command({ config: join(home, "config.json") })])
    assert.strictEqual(yield* host.exit, 1)
    assert.match(
      (yield* rest(host.err)).join("\n"),
      /^LockUnavailable: The host's lock \S+host\.lock cannot be taken: .*read-only/,
    )
  }).pipe(Effect.scoped),
)
