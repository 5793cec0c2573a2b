import { createServer, type ServerResponse } from "node:http"
import { connect } from "node:net"
import { assert, it } from "@effect/vitest"
import { Effect } from "effect"
import { StreamBody } from "../src/internal/Gateway/StreamBody.ts"

const sizes = [1, 9, 10, 15, 16, 17, 255, 256, 4_095, 4_096, 65_535, 65_536, 1_200_000]
const pieces = sizes.map((size, index) => String.fromCharCode(97 + index).repeat(size))

const serving = (respond: (response: ServerResponse) => void) =>
  Effect.gen(function* () {
    const server = createServer((_, response) => respond(response))
    yield* Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void)))
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close()
        server.closeAllConnections()
      }),
    )
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  })

/** Sends one request and returns everything that arrives on the connection. */
const exchange = (port: number, version: string) =>
  Effect.callback<string>((resume) => {
    const chunks: Array<Buffer> = []
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET / HTTP/${version}\r\nhost: x\r\nconnection: close\r\n\r\n`)
    })
    socket.on("data", (chunk) => chunks.push(Buffer.from(chunk)))
    socket.on("end", () => resume(Effect.succeed(Buffer.concat(chunks).toString())))
  })

const send = (response: ServerResponse, last?: string) => {
  response.writeHead(200, { "content-type": "text/plain" })
  const body = new StreamBody(response)
  for (const piece of pieces) body.write(Buffer.from(piece))
  body.write(Buffer.alloc(0))
  body.end(last === undefined ? undefined : Buffer.from(last))
}

it.live("writes pieces of all sizes as chunks, and the end of the body", () =>
  Effect.gen(function* () {
    for (const last of [undefined, "the last piece"]) {
      const port = yield* serving((response) => send(response, last))
      const [head = "", ...rest] = (yield* exchange(port, "1.1")).split("\r\n\r\n")
      assert.include(head, "Transfer-Encoding: chunked")
      const chunks = [...pieces, ...(last === undefined ? [] : [last])].map(
        (piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`,
      )
      assert.strictEqual(rest.join("\r\n\r\n"), `${chunks.join("")}0\r\n\r\n`)
      const decoded = yield* Effect.promise(async () => (await fetch(`http://127.0.0.1:${port}/`)).text())
      assert.strictEqual(decoded, pieces.join("") + (last ?? ""))
    }
  }).pipe(Effect.scoped),
)

it.live("writes plain bytes for HTTP/1.0", () =>
  Effect.gen(function* () {
    const port = yield* serving((response) => send(response, "the last piece"))
    const [head = "", body] = (yield* exchange(port, "1.0")).split("\r\n\r\n")
    assert.notInclude(head.toLowerCase(), "transfer-encoding")
    assert.strictEqual(body, `${pieces.join("")}the last piece`)
  }).pipe(Effect.scoped),
)
