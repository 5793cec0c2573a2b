import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect, Logger } from "effect"
import { adminEndpoints } from "./AdminEndpoints.ts"
import { AdminHost, type AdminResponse, ask, host, hostOver, secret } from "./AdminHost.ts"

const assertProblem = (response: AdminResponse, status: number, type: string) => {
  assert.strictEqual(response.status, status)
  assert.strictEqual(response.headers["content-type"], "application/problem+json")
  assert.deepInclude(response.json, { type: `urn:signalbox:problem:${type}`, status })
  assert.isString(response.json.detail)
}

it.live("refuses malformed JSON, a wrong shape and a missing query with their place, without quoting the request", () =>
  Effect.gen(function* () {
    const patch = (body: string) => ask("/api/config", { method: "PATCH", body })
    assertProblem(yield* patch(`{"edits": ["${secret}`), 400, "invalid")
    const shape = yield* patch(JSON.stringify({ edits: [{ path: 3, value: secret }], [secret]: secret }))
    assertProblem(shape, 400, "invalid")
    assert.deepStrictEqual(shape.json.errors[0].path, ["payload", "edits", 0, "path"])
    assert.notInclude(shape.body, secret)
    assertProblem(yield* patch(`{"edits":"${secret}"}`), 400, "invalid")
    assertProblem(yield* patch(""), 400, "invalid")
    const query = yield* ask("/api/config/value")
    assert.deepStrictEqual(query.json.errors[0].path, ["query", "path"])
  }).pipe(Effect.provide(host)),
)

it.live("refuses a body of another content type with 415", () =>
  Effect.gen(function* () {
    const headers = { "content-type": "text/plain" }
    assertProblem(yield* ask("/api/config", { method: "PUT", headers, body: "{}" }), 415, "unsupported-media")
  }).pipe(Effect.provide(host)),
)

it.live("refuses an unknown path with 404 and near paths, and an unsupported method with 405 and Allow", () =>
  Effect.gen(function* () {
    const missing = yield* ask("/api/confik")
    assertProblem(missing, 404, "not-found")
    assert.include(missing.json.detail, `did you mean "/api/config"`)
    assertProblem(yield* ask("/"), 404, "not-found")
    assertProblem(yield* ask("//api//config/", { method: "DELETE" }), 405, "method-not-allowed")
    const method = yield* ask("/api/config", { method: "DELETE" })
    assertProblem(method, 405, "method-not-allowed")
    assert.strictEqual(method.headers["allow"], "GET, HEAD, PUT, PATCH")
    const preflight = yield* ask("/api/credentials/x", { method: "OPTIONS" })
    assertProblem(preflight, 405, "method-not-allowed")
    assert.strictEqual(preflight.headers["allow"], "DELETE")
  }).pipe(Effect.provide(host)),
)

it.live("refuses a body of 10 MB with 413, before it is sent or while it arrives in chunks", () =>
  Effect.gen(function* () {
    const announced = yield* raw(
      `PUT /api/config HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10000000\r\n\r\n`,
    )
    assert.match(announced, /^HTTP\/1\.1 413 /)
    assert.include(announced, "urn:signalbox:problem:too-large")
    const token = "authorization: Bearer test-token-0123456789"
    const head = `PUT /api/config HTTP/1.1\r\nhost: localhost\r\n${token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`
    const chunk = `100000\r\n${" ".repeat(0x100000)}\r\n`
    const chunked = yield* raw(head + chunk.repeat(10))
    assert.match(chunked, /^HTTP\/1\.1 413 /)
    assert.include(chunked, "urn:signalbox:problem:too-large")
  }).pipe(Effect.provide(host)),
)

it.live("requires the token for every endpoint except health, before it looks at anything else", () =>
  Effect.gen(function* () {
    assert.deepStrictEqual(
      adminEndpoints.filter(({ needsToken }) => !needsToken).map(({ id }) => id),
      ["health.healthz", "health.readyz"],
    )
    for (const { id, method, needsToken, path } of adminEndpoints) {
      for (const token of [undefined, "", "wrong", "test-token-0123456788"]) {
        const response = yield* ask(path, { method, token, ...(method === "GET" ? {} : { body: "{nonsense" }) })
        assert.strictEqual(response.status === 401, needsToken, id)
        if (!needsToken) continue
        assertProblem(response, 401, "unauthorized")
        assert.strictEqual(response.headers["www-authenticate"], `Bearer realm="signalbox"`)
      }
    }
  }).pipe(Effect.provide(host)),
)

it.live("fails with 500 after a defect and does not reveal the cause", () =>
  Effect.gen(function* () {
    const response = yield* ask("/readyz")
    assertProblem(response, 500, "internal")
    assert.notInclude(response.body, secret)
  }).pipe(
    Effect.provide([
      hostOver({ health: Effect.die(secret), ready: Effect.die(secret), degraded: Effect.die(secret) }),
      Logger.layer([]),
    ]),
  ),
)

it.live("forbids caching and sends no CORS header in any response", () =>
  Effect.gen(function* () {
    // The event feed has a cache directive of its own, and does not end.
    const paths = adminEndpoints.filter(({ id, method }) => method === "GET" && id !== "events.follow")
    for (const path of [...paths.map(({ path }) => path), "/api/nothing", "/openapi.json"]) {
      const { headers } = yield* ask(path)
      assert.strictEqual(headers["cache-control"], "no-store", path)
      assert.isUndefined(headers["access-control-allow-origin"], path)
    }
  }).pipe(Effect.provide(host)),
)

it.live("serves the contract without a token, as OpenAPI and as a page that loads nothing from other sites", () =>
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

/** Sends a text and reads until the connection or the response ends. */
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
      // A server that closes while the client still sends resets the connection.
      socket.on("error", done)
      socket.write(text)
      return Effect.sync(() => socket.destroy())
    }),
  )
