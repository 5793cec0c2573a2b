/** The lower bound of a gateway: Node's server and `undici.request`, with headers and bytes unchanged. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { pipeline } from "node:stream"
import { Pool } from "undici"
import { report } from "./process.ts"

const pool = new Pool(`http://127.0.0.1:${process.argv[2]}`)

const server = createServer(async (request, response) => {
  const { body, headers, statusCode } = await pool.request({
    method: "POST",
    path: request.url ?? "/",
    headers: {
      "content-type": request.headers["content-type"] ?? "",
      "content-length": request.headers["content-length"],
    },
    body: request,
  })
  const { connection: _, "keep-alive": __, ...passed } = headers
  response.writeHead(statusCode, passed)
  pipeline(body, response, () => {})
})
server.keepAliveTimeout = 60_000
server.listen(0, "127.0.0.1", () => report({ port: (server.address() as AddressInfo).port }))
