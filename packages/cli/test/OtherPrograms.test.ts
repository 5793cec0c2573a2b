/** Host notes that lead to another program, or to a host of another version. */
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs"
import { createServer, type IncomingHttpHeaders, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { libc } from "@signalbox/node/Libc"
import { Deferred, Effect, Exit, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import { endpoints } from "../src/internal/AdminEndpoints.ts"
import { request } from "../src/internal/HostClient.ts"
import { type Home, home } from "./Command.ts"

/** A server whose address is in `host.lock`, which this process holds. The note names no PID namespace, so that commands ask the server. */
const noted = ({ config }: Home, answer: RequestListener) =>
  Effect.gen(function* () {
    const server = yield* Effect.acquireRelease(
      Effect.promise(
        () =>
          new Promise<ReturnType<typeof createServer>>((resolve) => {
            const server = createServer(answer)
            server.listen(0, "127.0.0.1", () => resolve(server))
          }),
      ),
      (server) => Effect.sync(() => void server.close()),
    )
    const { port } = server.address() as AddressInfo
    const directory = dirname(config)
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeFileSync(join(directory, "admin.token"), "a".repeat(43), { mode: 0o600 })
    const note = {
      pid: process.pid,
      ownPid: process.pid,
      url: `http://127.0.0.1:${port}`,
      version: "0.1.0",
      document: "config.json",
      startedAt: new Date(0).toISOString(),
    }
    const lock = join(directory, "host.lock")
    writeFileSync(lock, `${JSON.stringify(note)}\n`, { mode: 0o600 })
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const fd = openSync(lock, "r+")
        const library = libc()
        if ("missing" in library) throw new Error(library.missing)
        assert.strictEqual(library.flock(fd, exclusive), 0)
        return fd
      }),
      (fd) => Effect.sync(() => closeSync(fd)),
    )
    return note
  })

/** LOCK_EX. */
const exclusive = 2

const health = (pid: number): string => JSON.stringify({ status: "ok", version: "1", pid })

describe("a note of a host", () => {
  it.live("sends no token to another program that took the port of a host", () =>
    Effect.gen(function* () {
      const at = yield* home
      const asked: Array<IncomingHttpHeaders> = []
      yield* noted(at, (request, response) => {
        asked.push(request.headers)
        response.end(health(1))
      })
      assert.strictEqual((yield* at.run(["models"])).code, 0)
      assert.strictEqual((yield* at.run(["reload"])).code, 3)
      assert.strictEqual(asked.length, 2)
      for (const headers of asked) assert.isUndefined(headers.authorization)
    }),
  )

  it.effect("fails after a minute when the host does not respond, and names its process", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const note = yield* noted(yield* home, () => Deferred.doneUnsafe(asked, Exit.void))
      const host = { url: note.url, note, token: Redacted.make("a".repeat(43)) }
      const asking = yield* Effect.forkChild(Effect.flip(request(host, endpoints.models)))
      yield* Deferred.await(asked)
      yield* TestClock.adjust("59 seconds")
      assert.isUndefined(asking.pollUnsafe())
      yield* TestClock.adjust("1 second")
      const { exitCode, hint = "", message } = yield* Fiber.join(asking)
      assert.strictEqual(exitCode, 1)
      assert.strictEqual(message, `the host (pid ${note.pid}, ${note.url}) does not respond`)
      assert.include(hint, `kill ${note.pid}`)
    }),
  )

  const notUnderstood = /^signalbox: the host's response is not understood\nhint: .* another version.*\n$/
  const broken = /^signalbox: the connection to the host broke\nhint: .*\n$/
  const answers: ReadonlyArray<readonly [string, answer: RequestListener, expected: RegExp]> = [
    ["another JSON object", (_, response) => response.end("{}"), notUnderstood],
    ["404", (_, response) => response.writeHead(404).end("{}"), notUnderstood],
    ["500 without JSON", (_, response) => response.writeHead(500).end("oops"), notUnderstood],
    ["a web page", (_, response) => response.setHeader("content-type", "text/html").end("<p>"), notUnderstood],
    ["nothing and disconnects", ({ socket }) => socket.destroy(), broken],
    [
      "half of a response and disconnects",
      ({ socket }, response) => response.writeHead(200, { "content-length": 9 }).write("{", () => socket.destroy()),
      broken,
    ],
  ]
  for (const [what, answer, expected] of answers) {
    it.live(`reports in one line and a hint a host that sends ${what}`, () =>
      Effect.gen(function* () {
        const at = yield* home
        yield* noted(at, (request, response) => {
          if (request.url === "/healthz") response.end(health(process.pid))
          else answer(request, response.setHeader("content-type", "application/json"))
        })
        for (const words of [["models"], ["config", "get"], ["keys", "list"]]) {
          const { code, stderr, stdout } = yield* at.run(words)
          assert.deepStrictEqual([code, stdout], [1, ""], words.join(" "))
          assert.match(stderr, expected, words.join(" "))
        }
        const { findings } = JSON.parse((yield* at.run(["doctor", "--json"])).stdout)
        const [found] = findings.filter(({ state }: { state: string }) => state === "problem")
        assert.strictEqual(found.check, "host")
        assert.include(String(expected), found.message)
      }),
    )
  }
})
