/** The least that can be done: node:http, one buffer that is ready, one write for each client. */
import { createServer, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { makeWire } from "@signalbox/server/internal/EventFeed/Wire"
import { Effect } from "effect"
import { burst } from "./events.ts"
import { serve } from "./Peer.ts"

const envelopes = burst.map((event, n) => ({
  _tag: "Envelope" as const,
  cursor: { epoch: "0123456789abcd", sequence: n + 1 },
  time: 1_750_000_000_000,
  source: "signalbox",
  revision: 1,
  event,
}))
const buffer = Effect.runSync(makeWire().encode(envelopes))

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
