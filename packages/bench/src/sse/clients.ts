/** Many clients in one process. They read, detect the end of each burst, and report when all have received it. */
import { connect } from "node:net"
import { marker } from "./events.ts"

export interface ClientsRequest {
  readonly port: number
  readonly count: number
}

process.on("message", ({ count, port }: ClientsRequest) => {
  let open = 0
  let left = count
  const request = `GET /api/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer bench\r\n\r\n`
  const begin = () => {
    let tail = ""
    let reply = false
    const socket = connect(port, "127.0.0.1")
    socket.on("connect", () => socket.write(request))
    socket.on("data", (chunk) => {
      if (!reply) {
        reply = true
        if (!chunk.toString().startsWith("HTTP/1.1 200")) throw new Error(chunk.toString())
        open++
        if (open < count) begin()
        else process.send?.("open")
        return
      }
      const found = chunk.includes(marker) || (tail + chunk.subarray(0, marker.length).toString()).includes(marker)
      tail = chunk.subarray(-marker.length).toString()
      if (!found) return
      tail = ""
      left--
      if (left > 0) return
      left = count
      process.send?.("all")
    })
  }
  begin()
})
process.on("disconnect", () => process.exit())
