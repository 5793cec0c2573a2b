import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { AdminHost, ask, host, token } from "./AdminHost.ts"

const bytes = 4 * 1024 * 1024
const head = `PUT /api/config HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n`

/** Sends the headers of a request and waits for `100 Continue` or a refusal. */
const beginRequest = (length: string): Effect.Effect<Conversation, never, AdminHost | Scope.Scope> =>
  Effect.gen(function* () {
    const { port } = yield* AdminHost
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect(port, "127.0.0.1").setEncoding("utf8")),
      (socket) => Effect.sync(() => socket.destroy()),
    )
    let text = ""
    let check = () => {}
    socket.on("data", (chunk: string) => {
      text += chunk
      check()
    })
    // The host may close the connection of a refused client that still sends.
    socket.on("error", () => {})
    const until = (pattern: RegExp) =>
      Effect.callback<string>((resume) => {
        check = () => pattern.test(text) && resume(Effect.succeed(text))
        check()
      })
    socket.write(`${head}${length}\r\n\r\n`)
    return { socket, first: yield* until(/^HTTP\/1\.1 100 |\}$/), until }
  })

interface Conversation {
  readonly socket: Socket
  readonly first: string
  /** Everything received so far, once it matches. */
  readonly until: (pattern: RegExp) => Effect.Effect<string>
}

it.live(
  "limits unfinished bodies to 32 MiB, refuses further requests as busy, and accepts them when the bodies have gone",
  () =>
    Effect.gen(function* () {
      const change = ask("/api/config", {
        method: "PATCH",
        body: JSON.stringify({ edits: [{ path: "/retention/ledger_days", value: 31 }] }),
      })
      yield* Effect.gen(function* () {
        const lengths = [`content-length: ${bytes}`, "transfer-encoding: chunked"]
        for (let count = 0; count < 8; count++)
          assert.match((yield* beginRequest(lengths[count % 2]!)).first, /^HTTP\/1\.1 100 /)
        for (const length of lengths) {
          const { first } = yield* beginRequest(length)
          assert.match(first, /^HTTP\/1\.1 503 /)
          assert.include(first, "urn:signalbox:problem:busy")
          assert.match(first, /\r\nretry-after: \d/i)
        }
        // A request without a body needs no room.
        assert.strictEqual((yield* ask("/api/config")).status, 200)
        assert.strictEqual((yield* change).status, 503)
      }).pipe(Effect.scoped)
      yield* Effect.repeat(change, { until: ({ status }) => status === 200 })
    }).pipe(Effect.provide(host)),
)

it.effect("refuses a body that does not arrive in time", () =>
  Effect.gen(function* () {
    const { first, socket, until } = yield* beginRequest("content-length: 1000")
    assert.match(first, /^HTTP\/1\.1 100 /)
    socket.write("{")
    yield* TestClock.adjust("30 seconds")
    const response = yield* until(/\}$/)
    assert.match(response, /\r\nHTTP\/1\.1 400 /)
    assert.include(response, "did not arrive within 30 seconds")
    // Closing the connection frees the bytes.
    assert.match(response, /\r\nconnection: close\r\n/i)
  }).pipe(Effect.scoped, Effect.provide(host)),
)

it.live("refuses a body that is nested deeper than any document before parsing it", () =>
  Effect.gen(function* () {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
    const patch = (value: string) =>
      ask("/api/config", { method: "PATCH", body: `{"edits":[{"path":"/x","value":${value}}]}` })
    for (const response of [
      yield* patch(nested(300)),
      yield* ask("/api/config", { method: "PATCH", body: nested(300) }),
    ]) {
      assert.deepStrictEqual([response.status, response.json.type], [400, "urn:signalbox:problem:invalid"])
      assert.include(response.json.detail, "nested deeper than 256 levels")
    }
    // The document has a lower limit of its own.
    assert.strictEqual((yield* patch(nested(220))).status, 422)
    assert.strictEqual((yield* patch(nested(150))).status, 200)
  }).pipe(Effect.provide(host)),
)

it.live("refuses more edits than a change may have before applying any", () =>
  Effect.gen(function* () {
    const plan = (count: number) => {
      const edits = Array.from({ length: count }, () => ({ path: "/retention/ledger_days", value: 32 }))
      return ask("/api/config/plan", { method: "POST", body: JSON.stringify({ edits }) })
    }
    assert.strictEqual((yield* plan(1_000)).status, 200)
    assert.strictEqual((yield* plan(1_001)).status, 400)
  }).pipe(Effect.provide(host)),
)
