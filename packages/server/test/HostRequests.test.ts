/** Malformed and unusual requests to a host. */
import { readFileSync } from "node:fs"
import { connect } from "node:net"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { embeddedHost } from "./EmbeddedHost.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

const started = Effect.gen(function* () {
  const config = join(yield* temporaryDirectory, "config.json")
  const { url } = yield* embeddedHost({ config })
  return { port: Number(new URL(url).port), token: readFileSync(join(config, "..", "admin.token"), "utf8").trim() }
})

/** Sends one request and returns everything the host sends on the connection. */
const exchange = (port: number, head: ReadonlyArray<string>, body = "") =>
  Effect.callback<string, Error>((resume) => {
    let text = ""
    const socket = connect(port, "127.0.0.1")
    socket.setEncoding("utf8")
    socket.on("data", (chunk: string) => {
      text += chunk
    })
    socket.on("end", () => resume(Effect.succeed(text)))
    socket.on("error", (error) => resume(Effect.fail(error)))
    socket.write([...head, "host: localhost", "connection: close", "", body].join("\r\n"))
    return Effect.sync(() => socket.destroy())
  })

const parse = (text: string) => {
  const [head = "", body = ""] = text.split("\r\n\r\n")
  return { status: Number(head.split(" ")[1]), head: head.toLowerCase(), json: JSON.parse(body) }
}

it.live("refuses an invalid path with 400, as problem details or in OpenAI's shape for the gateway", () =>
  Effect.gen(function* () {
    const { port } = yield* started
    for (const path of ["/%zz", "/api/config%", "/api/%c3%28", "//%", "http://localhost/%zz"]) {
      const { head, json, status } = parse(yield* exchange(port, [`GET ${path} HTTP/1.1`]))
      assert.deepStrictEqual([status, json.type], [400, "urn:signalbox:problem:invalid"], path)
      assert.include(head, "content-type: application/problem+json")
      assert.include(head, "cache-control: no-store")
    }
    for (const path of ["/v1/%zz", "/v1/models/%zz", "/v1/chat/completions%"]) {
      const { head, json, status } = parse(yield* exchange(port, [`POST ${path} HTTP/1.1`]))
      assert.deepStrictEqual([status, json.error.code], [400, "invalid_path"], path)
      assert.include(head, "content-type: application/json")
    }
    // `Guard` comes first.
    const foreign = yield* exchange(port, ["GET /%zz HTTP/1.1", "origin: https://evil.example"])
    assert.strictEqual(parse(foreign).status, 403)
  }),
)

it.live("refuses a malformed request with problem details", () =>
  Effect.gen(function* () {
    const { port } = yield* started
    const wrong = [
      [400, ["hello"]],
      [400, ["GET /healthz HTTP/1.1", "content-length: many"]],
      [431, ["GET /healthz HTTP/1.1", `x-long: ${"x".repeat(20_000)}`]],
    ] as const
    for (const [expected, head] of wrong) {
      const response = parse(yield* exchange(port, head))
      assert.strictEqual(response.status, expected)
      assert.include(response.head, "content-type: application/problem+json")
      assert.deepInclude(response.json, { type: "about:blank", status: expected })
    }
  }),
)

it.live("closes the connection when a malformed request follows a response that has begun", () =>
  Effect.gen(function* () {
    const { port, token } = yield* started
    const printed = yield* Effect.callback<string>((resume) => {
      let text = ""
      const socket = connect(port, "127.0.0.1").setEncoding("utf8")
      socket.on("data", (chunk: string) => {
        // The feed has begun with its cursor.
        if (!text.includes("id: ") && (text + chunk).includes("id: ")) socket.write("hello\r\n\r\n")
        text += chunk
      })
      socket.on("error", () => {})
      socket.on("close", () => resume(Effect.succeed(text)))
      socket.write(`GET /api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`)
      return Effect.sync(() => socket.destroy())
    })
    assert.match(printed, /^HTTP\/1\.1 200 OK/)
    assert.notInclude(printed, "problem+json")
  }),
)

it.live("sends 100 Continue once to a client that waits for it", () =>
  Effect.gen(function* () {
    const { port, token } = yield* started
    const chat = JSON.stringify({ model: "echo", messages: [{ role: "user", content: "hello" }] })
    const plan = JSON.stringify({ edits: [] })
    const request = [
      ["POST /v1/chat/completions HTTP/1.1", chat],
      ["POST /api/config/plan HTTP/1.1", plan],
    ] as const
    for (const [line, body] of request) {
      for (const expect of ["100-continue", "100-Continue"]) {
        const headers = [
          `expect: ${expect}`,
          `authorization: Bearer ${token}`,
          "content-type: application/json",
          `content-length: ${body.length}`,
        ]
        const printed = yield* exchange(port, [line, ...headers], body)
        const statuses = printed.match(/^HTTP\/1\.1 \d+/gm)
        assert.deepStrictEqual(statuses, ["HTTP/1.1 100", "HTTP/1.1 200"], `${line} ${expect}`)
      }
    }
  }),
)
