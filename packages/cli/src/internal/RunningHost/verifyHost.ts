/**
 * Whether the process of a note is the host it says. On Linux the kernel tells who holds the lock, and who holds it has written the note: then
 * nobody need be asked, which a small command notices. Elsewhere the host is asked by the one endpoint that needs no token.
 */
import { readFileSync, statSync } from "node:fs"
import { createRequire } from "node:module"
import type { HostNote } from "@signalbox/server/HostNote"
import { Effect } from "effect"
import { type Failure, silent } from "../Failure.ts"
import { whileWaiting } from "../Print.ts"

const require = createRequire(import.meta.url)
// As an ES module node:http brings undici along for exports that nobody here uses: a whole start of node.
const http: typeof import("node:http") = require("node:http")
const net: typeof import("node:net") = require("node:net")

/** `false`: nobody listens, or somebody else does. */
export const isHost = (lock: string, note: HostNote): Effect.Effect<boolean, Failure> =>
  holdsLock(lock, note.pid) ? listens(note) : answers(note).pipe(whileWaiting("asking the host"))

/** proc_locks(5). The number of a process is that of this name space; one of another is not found, and is asked. */
export const holdsLock = (lock: string, pid: number): boolean => {
  try {
    const { ino } = statSync(lock)
    return readFileSync("/proc/locks", "latin1")
      .split("\n")
      .some((line) => {
        const [, kind, , mode, holder, file = ""] = line.split(/\s+/)
        return kind === "FLOCK" && mode === "WRITE" && holder === String(pid) && file.endsWith(`:${ino}`)
      })
  } catch {
    return false
  }
}

/** The kernel answers for a host that has no time. */
const listens = ({ url }: HostNote): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const { hostname, port } = new URL(url)
    const socket = net.connect({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) })
    const end = (isOpen: boolean) => {
      socket.destroy()
      resume(Effect.succeed(isOpen))
    }
    socket.once("connect", () => end(true))
    // It is about to end, and has closed its door.
    socket.once("error", () => end(false))
    return Effect.sync(() => socket.destroy())
  })

const patienceMillis = 5_000
const maxAnswerBytes = 4_096

/** Asks it; fails where it does not say anything. */
export const answers = (note: HostNote): Effect.Effect<boolean, Failure> =>
  Effect.callback((resume) => {
    const call = http.request(`${note.url}/healthz`, { agent: false, timeout: patienceMillis }, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
        if (text.length > maxAnswerBytes) response.destroy()
      })
      response.once("close", () => resume(Effect.succeed(pidIn(text) === note.pid)))
    })
    call.once("timeout", () => {
      call.destroy()
      resume(Effect.fail(silent(note)))
    })
    // Refused: it is about to end, or a killed host's note with a pid that lives again.
    call.once("error", () => resume(Effect.succeed(false)))
    call.end()
    return Effect.sync(() => call.destroy())
  })

const pidIn = (text: string): unknown => {
  try {
    return JSON.parse(text).pid
  } catch {
    return undefined
  }
}
