/** The peer as its package starts it. It does not report when it listens, so this polls its port. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { report } from "./process.ts"

const free = createServer()
free.listen(0, "127.0.0.1", () => {
  const { port } = free.address() as AddressInfo
  free.close(async () => {
    process.argv.splice(2, process.argv.length, `--port=${port}`, "--headless")
    await import(new URL("../../../../node_modules/@portkey-ai/gateway/build/start-server.js", import.meta.url).href)
    const listening = async (): Promise<void> => {
      const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
      if (response === undefined) return new Promise((resolve) => setTimeout(() => resolve(listening()), 20))
    }
    await listening()
    report({ port })
  })
})
