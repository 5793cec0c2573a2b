/**
 * Verifies that the process named in `host.lock` is the host. On Linux the kernel reports which process holds the lock, and only the holder writes the
 * note, so the process need not be asked. Elsewhere `/healthz` is asked, the one endpoint that needs no token.
 */
import { createRequire } from "node:module"
import { isLockedBy } from "@signalbox/node/LockHolder"
import type { HostNote } from "@signalbox/server/HostNote"
import { Effect } from "effect"
import { type Failure, hostNotResponding } from "../Failure.ts"
import { withSpinner } from "../Print.ts"

const require = createRequire(import.meta.url)
// Imported as an ES module, node:http loads undici for exports that are not needed here: as slow as starting Node once more.
const http: typeof import("node:http") = require("node:http")
const net: typeof import("node:net") = require("node:net")

/** `false` when nothing listens at the address of the note, or another program does. */
export const isHost = (lock: string, note: HostNote): Effect.Effect<boolean, Failure> =>
  note.pid !== undefined && isLockedBy(lock, note.pid)
    ? isListening(note)
    : isHealthy(note).pipe(withSpinner("asking the host"))

/** The kernel accepts connections for a host that is busy. */
const isListening = ({ url }: HostNote): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const { hostname, port } = new URL(url)
    const socket = net.connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resume(Effect.succeed(isOpen))
    }
    socket.once("connect", () => end(true))
    // A stopping host has closed its socket.
    socket.once("error", () => end(false))
    return Effect.sync(() => socket.destroy())
  })

const timeoutMillis = 5_000
const maxResponseBytes = 4_096

/** Whether `/healthz` reports the process of the note. Fails after 5 s without a response. */
export const isHealthy = (note: HostNote): Effect.Effect<boolean, Failure> =>
  Effect.callback((resume) => {
    const request = http.request(`${note.url}/healthz`, { agent: false, timeout: timeoutMillis }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        if (text.length > maxResponseBytes) response.destroy()
      })
      response.once("close", () => resume(Effect.succeed(pidIn(text) === note.ownPid)))
    })
    request.once("timeout", () => {
      request.destroy()
      resume(Effect.fail(hostNotResponding(note)))
    })
    // Refused: the host is stopping, or was killed and its pid belongs to another process.
    request.once("error", () => resume(Effect.succeed(false)))
    request.end()
    return Effect.sync(() => request.destroy())
  })

const pidIn = (text: string): unknown => {
  try {
    return JSON.parse(text).pid
  } catch {
    return undefined
  }
}
