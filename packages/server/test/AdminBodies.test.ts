import { connect, type Socket } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { AdminHost, ask, host, token } from "./AdminHost.ts"

const bytes = 4 * 1024 * 1024
const head = `PUT /api/config HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n`

/** Sends the head of a request. Answered to it: the request to go on, or what refuses it. */
const begun = (length: string): Effect.Effect<Conversation, never, AdminHost | Scope.Scope> =>
  Effect.gen(function* () {
    const { port } = yield* AdminHost
    const socket = yield* Effect.acquireRelease(
      Effect.sync(() => connect(port, "127.0.0.1").setEncoding("utf8")),
      (socket) => Effect.sync(() => socket.destroy()),
    )
    let text = ""
    let look = () => {}
    socket.on("data", (chunk: string) => {
      text += chunk
      look()
    })
    // Who is refused may be cut while it still sends.
    socket.on("error", () => {})
    const until = (wanted: RegExp) =>
      Effect.callback<string>((resume) => {
        look = () => wanted.test(text) && resume(Effect.succeed(text))
        look()
      })
    socket.write(`${head}${length}\r\n\r\n`)
    return { socket, first: yield* until(/^HTTP\/1\.1 100 |\}$/), until }
  })

interface Conversation {
  readonly socket: Socket
  readonly first: string
  /** All that was said, once it matches. */
  readonly until: (wanted: RegExp) => Effect.Effect<string>
}

it.live(
  "half-sent bodies hold 32 MiB and no more; then a request is told to come again, and can when they have gone",
  () =>
    Effect.gen(function* () {
      const change = ask("/api/config", {
        method: "PATCH",
        body: JSON.stringify({ edits: [{ path: "/retention/ledger_days", value: 31 }] }),
      })
      yield* Effect.gen(function* () {
        const lengths = [`content-length: ${bytes}`, "transfer-encoding: chunked"]
        for (let count = 0; count < 8; count++)
          assert.match((yield* begun(lengths[count % 2]!)).first, /^HTTP\/1\.1 100 /)
        for (const length of lengths) {
          const { first } = yield* begun(length)
          assert.match(first, /^HTTP\/1\.1 503 /)
          assert.include(first, "urn:signalbox:problem:busy")
          assert.match(first, /\r\nretry-after: \d/i)
        }
        // Without a body there is nothing to wait for.
        assert.strictEqual((yield* ask("/api/config")).status, 200)
        assert.strictEqual((yield* change).status, 503)
      }).pipe(Effect.scoped)
      yield* Effect.repeat(change, { until: ({ status }) => status === 200 })
    }).pipe(Effect.provide(host)),
)

it.effect("a body that does not come is not waited for", () =>
  Effect.gen(function* () {
    const { first, socket, until } = yield* begun("content-length: 1000")
    assert.match(first, /^HTTP\/1\.1 100 /)
    socket.write("{")
    yield* TestClock.adjust("30 seconds")
    const answer = yield* until(/\}$/)
    assert.match(answer, /\r\nHTTP\/1\.1 400 /)
    assert.include(answer, "did not arrive within 30 seconds")
    // What has come of it is let go with the connection.
    assert.match(answer, /\r\nconnection: close\r\n/i)
  }).pipe(Effect.scoped, Effect.provide(host)),
)

it.live("a body that is nested deeper than any document is refused before it is parsed", () =>
  Effect.gen(function* () {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)
    const patch = (value: string) =>
      ask("/api/config", { method: "PATCH", body: `{"edits":[{"path":"/x","value":${value}}]}` })
    for (const answer of [
      yield* patch(nested(300)),
      yield* ask("/api/config", { method: "PATCH", body: nested(300) }),
    ]) {
      assert.deepStrictEqual([answer.status, answer.json.type], [400, "urn:signalbox:problem:invalid"])
      assert.include(answer.json.detail, "nested deeper than 256 levels")
    }
    // What a document may be is the document's matter.
    assert.strictEqual((yield* patch(nested(220))).status, 422)
    assert.strictEqual((yield* patch(nested(150))).status, 200)
  }).pipe(Effect.provide(host)),
)

it.live("more edits than a change may have are refused before they are made", () =>
  Effect.gen(function* () {
    const plan = (count: number) => {
      const edits = Array.from({ length: count }, () => ({ path: "/retention/ledger_days", value: 32 }))
      return ask("/api/config/plan", { method: "POST", body: JSON.stringify({ edits }) })
    }
    assert.strictEqual((yield* plan(1_000)).status, 200)
    assert.strictEqual((yield* plan(1_001)).status, 400)
  }).pipe(Effect.provide(host)),
)
