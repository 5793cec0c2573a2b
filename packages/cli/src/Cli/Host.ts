/**
 * The host that serves a document: found by its note in `host.lock`, believed when it answers under the pid that stands there. The admin
 * token goes to nobody else: a note that a killed host left behind may name a port that is another program's by now.
 */
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { type HostNote, readHostNote } from "@signalbox/server/HostNote"
import type { Place } from "@signalbox/server/Place"
import { Effect, Redacted } from "effect"
import { type Failure, failed } from "./Failure.ts"
import { whileWaiting } from "./Output.ts"
import { line } from "./Shown.ts"

export interface Host {
  readonly note: HostNote
  readonly token: Redacted.Redacted
}

/** `undefined`: none runs. Fails where one runs and cannot be talked to. */
export const findHost = (place: Place): Effect.Effect<Host | undefined, Failure> =>
  Effect.gen(function* () {
    const note = readHostNote(place.lock)
    if (note === undefined) return undefined
    if (!(yield* answers(note).pipe(whileWaiting("asking the host")))) return undefined
    const token = yield* readToken(place)
    return { note, token }
  })

// As an ES module node:http brings undici along for exports that nobody here uses: a whole start of node.
const http: typeof import("node:http") = createRequire(import.meta.url)("node:http")

const patienceMillis = 5_000
const maxAnswerBytes = 4_096

/** Whether the process of the note listens there. `/healthz` needs no token, and says whose it is. */
const answers = (note: HostNote): Effect.Effect<boolean, Failure> =>
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
      resume(
        Effect.fail(
          failed(
            "host-silent",
            `the host (pid ${note.pid}, ${note.url}) does not answer`,
            `look at its log; \`kill ${note.pid}\` ends it`,
          ),
        ),
      )
    })
    // Refused: it is about to listen, or a killed host's note with a pid that lives again.
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

const readToken = ({ token }: Place): Effect.Effect<Redacted.Redacted, Failure> =>
  Effect.suspend(() => {
    try {
      const text = readFileSync(token, "utf8").trim()
      if (/^[\w-]{16,256}$/.test(text)) return Effect.succeed(Redacted.make(text))
      return Effect.fail(
        failed("token", `${line(token)} holds no admin token`, "restart the host, which makes a new one"),
      )
    } catch (error) {
      const code = codeOf(error)
      const hint = code === "ENOENT" ? "restart the host, which makes one" : "run this as the user who runs the host"
      return Effect.fail(failed("token", `the admin token at ${line(token)} cannot be read (${code})`, hint))
    }
  })

const codeOf = (error: unknown): string => (error instanceof Error && "code" in error ? String(error.code) : "unknown")
