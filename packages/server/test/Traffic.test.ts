import { createServer } from "node:http"
import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { Traffic } from "../src/internal/Traffic.ts"

const listening = Effect.acquireRelease(
  Effect.callback<Traffic>((resume) => {
    const server = createServer({ requestTimeout: 50, headersTimeout: 50, connectionsCheckingInterval: 10 })
    const traffic = new Traffic(server)
    // Reads the body, and answers when it is whole.
    traffic.serve((request, response) => request.resume().on("end", () => response.end("whole")))
    server.listen(0, "127.0.0.1", () => resume(Effect.succeed(traffic)))
  }),
  (traffic) => Effect.sync(() => traffic.close()),
)

/** All that is said to this beginning of a request. */
const saidTo = ({ server }: Traffic, text: string) =>
  Effect.callback<string>((resume) => {
    const address = server.address()
    let said = ""
    const socket = connect(typeof address === "object" && address !== null ? address.port : 0, "127.0.0.1")
    socket.setEncoding("utf8")
    socket.on("data", (chunk: string) => {
      said += chunk
    })
    socket.on("close", () => resume(Effect.succeed(said)))
    socket.write(text)
    return Effect.sync(() => socket.destroy())
  })

it.live("a request that does not come whole in time is told so, in the words of whom it was for", () =>
  Effect.gen(function* () {
    const traffic = yield* listening
    const head = (path: string) => `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{`
    for (const text of [head("/api/config"), "POST /api/config HTTP/1.1\r\nhost: "]) {
      assert.match(
        yield* saidTo(traffic, text),
        /^HTTP\/1\.1 408 Request Timeout\r\n[^{]*problem\+json[^{]*\{.*"status":408/,
      )
    }
    const said = yield* saidTo(traffic, head("/v1/chat/completions"))
    assert.match(said, /^HTTP\/1\.1 408 [^{]*application\/json[^{]*\{"error":\{.*"code":"body_incomplete"/)
    assert.strictEqual(traffic.requests, 0)
  }).pipe(Effect.scoped),
)
