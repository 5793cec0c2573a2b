import { connect } from "node:net"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { AdminHost, type Answer, ask, host, hostOver, secret } from "./AdminHost.ts"

const problem = (answer: Answer, status: number, type: string) => {
  assert.strictEqual(answer.status, status)
  assert.strictEqual(answer.headers["content-type"], "application/problem+json")
  assert.deepInclude(answer.json, { type: `urn:signalbox:problem:${type}`, status })
  assert.isString(answer.json.detail)
}

describe("a request that is none", () => {
  it.live(
    "malformed JSON, another shape and a missing query are 400 with the place, and quote nothing of what was sent",
    () =>
      Effect.gen(function* () {
        const patch = (body: string) => ask("/api/config", { method: "PATCH", body })
        problem(yield* patch(`{"edits": ["${secret}`), 400, "invalid")
        const shape = yield* patch(JSON.stringify({ edits: [{ path: 3, value: secret }], [secret]: secret }))
        problem(shape, 400, "invalid")
        assert.deepStrictEqual(shape.json.errors[0].path, ["payload", "edits", 0, "path"])
        assert.notInclude(shape.body, secret)
        problem(yield* patch(`{"edits":"${secret}"}`), 400, "invalid")
        problem(yield* patch(""), 400, "invalid")
        const query = yield* ask("/api/config/value")
        assert.deepStrictEqual(query.json.errors[0].path, ["query", "path"])
      }).pipe(Effect.provide(host)),
  )

  it.live("another content type is 415", () =>
    Effect.gen(function* () {
      const headers = { "content-type": "text/plain" }
      problem(yield* ask("/api/config", { method: "PUT", headers, body: "{}" }), 415, "unsupported-media")
    }).pipe(Effect.provide(host)),
  )

  it.live(
    "a path that is not there is 404 and names near ones; a method that a path does not know is 405 with Allow",
    () =>
      Effect.gen(function* () {
        const missing = yield* ask("/api/confik")
        problem(missing, 404, "not-found")
        assert.include(missing.json.detail, `did you mean "/api/config"`)
        problem(yield* ask("/"), 404, "not-found")
        problem(yield* ask("//api//config/", { method: "DELETE" }), 405, "method-not-allowed")
        const method = yield* ask("/api/config", { method: "DELETE" })
        problem(method, 405, "method-not-allowed")
        assert.strictEqual(method.headers["allow"], "GET, HEAD, PUT, PATCH")
        const preflight = yield* ask("/api/credentials/x", { method: "OPTIONS" })
        problem(preflight, 405, "method-not-allowed")
        assert.strictEqual(preflight.headers["allow"], "DELETE")
      }).pipe(Effect.provide(host)),
  )

  it.live("a body of 10 MB is 413 before it is sent, and when it comes in chunks without a length", () =>
    Effect.gen(function* () {
      const said = yield* raw(
        `PUT /api/config HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10000000\r\n\r\n`,
      )
      assert.match(said, /^HTTP\/1\.1 413 /)
      assert.include(said, "urn:signalbox:problem:too-large")
      const token = "authorization: Bearer test-token-0123456789"
      const head = `PUT /api/config HTTP/1.1\r\nhost: localhost\r\n${token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`
      const chunk = `100000\r\n${" ".repeat(0x100000)}\r\n`
      const chunked = yield* raw(head + chunk.repeat(10))
      assert.match(chunked, /^HTTP\/1\.1 413 /)
      assert.include(chunked, "urn:signalbox:problem:too-large")
    }).pipe(Effect.provide(host)),
  )

  it.live("no token and a wrong one are 401, before anything else is looked at", () =>
    Effect.gen(function* () {
      for (const token of [undefined, "", "wrong", "test-token-0123456788"]) {
        const answer = yield* ask("/api/config", { method: "PATCH", body: "{nonsense", token })
        problem(answer, 401, "unauthorized")
        assert.strictEqual(answer.headers["www-authenticate"], `Bearer realm="signalbox"`)
      }
      for (const path of ["config/history", "services", "models", "stats", "credentials", "events"]) {
        problem(yield* ask(`/api/${path}`, { token: undefined }), 401, "unauthorized")
      }
    }).pipe(Effect.provide(host)),
  )
})

it.live("a defect is 500 and says nothing of what it was", () =>
  Effect.gen(function* () {
    const answer = yield* ask("/readyz")
    problem(answer, 500, "internal")
    assert.notInclude(answer.body, secret)
  }).pipe(
    Effect.provide([
      hostOver({ health: Effect.die(secret), ready: Effect.die(secret), degraded: Effect.die(secret) }),
      Logger.layer([]),
    ]),
  ),
)

describe("every answer", () => {
  it.live("is kept in no cache and allows no other origin", () =>
    Effect.gen(function* () {
      for (const path of ["/api/config", "/api/models", "/api/nothing", "/healthz", "/openapi.json"]) {
        const { headers } = yield* ask(path)
        assert.strictEqual(headers["cache-control"], "no-store")
        assert.isUndefined(headers["access-control-allow-origin"])
      }
    }).pipe(Effect.provide(host)),
  )
})

describe("the contract", () => {
  it.live("is shown without a token, as OpenAPI and as a page that loads nothing from elsewhere", () =>
    Effect.gen(function* () {
      const openapi = yield* ask("/openapi.json", { token: undefined })
      assert.strictEqual(openapi.json.info.title, "Signalbox")
      assert.containsAllKeys(openapi.json.paths, ["/api/config", "/api/config/history/{hash}", "/api/events"])
      const docs = yield* ask("/docs", { token: undefined })
      assert.strictEqual(docs.status, 200)
      assert.include(docs.headers["content-security-policy"], "default-src 'self'")
      assert.notMatch(docs.body, /<(?:script|link)[^>]+(?:src|href)=/)
    }).pipe(Effect.provide(host)),
  )
})

/** Sends a text and reads to the end of the connection, or to the end of the answer. */
const raw = (text: string) =>
  Effect.flatMap(AdminHost, ({ port }) =>
    Effect.callback<string>((resume) => {
      const socket = connect(port, "127.0.0.1")
      let received = ""
      const done = () => resume(Effect.succeed(received))
      socket.on("data", (chunk) => {
        received += chunk
        if (received.includes("too-large")) done()
      })
      socket.on("end", done)
      // Who closes first while the other still sends resets the connection.
      socket.on("error", done)
      socket.write(text)
      return Effect.sync(() => socket.destroy())
    }),
  )
