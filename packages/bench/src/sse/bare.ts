/** The lower bound: node:http, one prepared buffer, one write for each client. The buffer is the burst as the feed sends it. */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { registry } from "@signalbox/api/HostEvents"
import { Effect } from "effect"
import * as Sse from "effect/encoding/Sse"
import { burst } from "./events.ts"
import { serve } from "./Peer.ts"

const frames = burst.map((event, n) => {
  const envelope = {
    _tag: "Envelope" as const,
    cursor: { epoch: "0123456789abcd", sequence: n + 1 },
    time: 1_750_000_000_000,
    source: "signalbox",
    revision: 1,
    event,
  }
  const { id, type, ...rest } = Effect.runSync(registry.encode(envelope))
  return Sse.encoder.write({ _tag: "Event", id, event: type, data: JSON.stringify({ id, type, ...rest }) })
})
const buffer = Buffer.from(frames.join(""))

const clients = new Set<ServerResponse>()
const server = createServer((_, response) => {
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache, no-transform" })
  response.write(":\n\n")
  clients.add(response)
  response.on("close", () => clients.delete(response))
})
server.listen(0, "127.0.0.1", () =>
  serve((server.address() as AddressInfo).port, () => {
    for (const client of clients) client.write(buffer)
  }),
)
