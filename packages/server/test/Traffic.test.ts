import { createServer } from "node:http"
import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Traffic } from "../src/internal/Traffic.ts"

const listening = Effect.acquireRelease(
  Effect.callback<Traffic>((resume) => {
    const server = createServer({ requestTimeout: 50, headersTimeout: 50, connectionsCheckingInterval: 10 })
    const traffic = new Traffic(server)
    // Responds when the body is complete.
    traffic.serve((request, response) => request.resume().on("end", () => response.end("whole")))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(traffic)))
  }),
  (traffic) => Effect.sync(() => traffic.close()),
)

/** Sends the beginning of a request and returns the whole response. */
const respondTo = ({ server }: Traffic, text: string) =>
  Effect.callback<string>((resume) => {
    const address = server.address()
    let received = ""
    const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1")
    socket.setEncoding("utf8")
    socket.on("data", (chunk: string) => {
      received += chunk
    })
    socket.on("close", () => resume(Effect.succeed(received)))
    socket.write(text)
    return Effect.sync(() => socket.destroy())
  })

it.live("refuses a request that does not arrive in time with 408, in the format of its path", () =>
  Effect.gen(function* () {
    const traffic = yield* listening
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{`
    for (const text of [head("/api/config"), "POST /api/config HTTP/1.1\r\nhost: "]) {
      assert.match(
        yield* respondTo(traffic, text),
        /^HTTP\/1\.1 408 Request Timeout\r\n[^{]*problem\+json[^{]*\{.*"status":408/,
      )
    }
    const response = yield* respondTo(traffic, head("/v1/chat/completions"))
    assert.match(response, /^HTTP\/1\.1 408 [^{]*application\/json[^{]*\{"error":\{.*"code":"body_incomplete"/)
    assert.strictEqual(traffic.requests, 0)
  }).pipe(Effect.scoped),
)
