/**
 * The host that serves a document: found by its note in `host.lock`, believed when the process of the note is the one that serves. The admin
 * token goes to nobody else: a note that a killed host left behind may name a port that is another program's by now.
 */
import { readFileSync } from "node:fs"
import { type HostNote, readHostNote } from "@signalbox/server/HostNote"
import type { HostPaths } from "@signalbox/server/HostPaths"
import { tokenIn } from "@signalbox/server/TokenText"
import { Effect, Redacted } from "effect"
import { codeOf } from "./errorCode.ts"
import { type Failure, failed } from "./Failure.ts"
import { whileWaiting } from "./Print.ts"
import { answers, holdsLock, isHost } from "./RunningHost/verifyHost.ts"
import { line } from "./TextFormat.ts"

export interface Host {
  readonly note: HostNote
  readonly token: Redacted.Redacted
}

/** `undefined`: none runs. Fails where one runs and cannot be talked to. */
export const findHost = (place: HostPaths): Effect.Effect<Host | undefined, Failure> =>
  Effect.gen(function* () {
    const note = readHostNote(place.lock)
    if (note === undefined) return undefined
    if (!(yield* isHost(place.lock, note))) return undefined
    const token = yield* readToken(place)
    return { note, token }
  })

/**
 * One that still holds its lock: where `findHost` finds none, it has closed its door and waits for its requests. Not to be seen where the kernel
 * does not tell who holds a lock.
 */
export const leavingHost = ({ lock }: HostPaths): HostNote | undefined => {
  const note = readHostNote(lock)
  return note !== undefined && holdsLock(lock, note.pid) ? note : undefined
}

/** Fails within seconds where it is stuck; for what people ask when they think so. */
export const mustAnswer = ({ note }: Host): Effect.Effect<void, Failure> =>
  Effect.asVoid(answers(note)).pipe(whileWaiting("asking the host"))

const readToken = ({ token }: HostPaths): Effect.Effect<Redacted.Redacted, Failure> =>
  Effect.suspend(() => {
    try {
      const found = tokenIn(readFileSync(token, "utf8"))
      if (found !== undefined) return Effect.succeed(Redacted.make(found))
      return Effect.fail(
        failed("token", `${line(token)} holds no admin token`, "restart the host, which makes a new one"),
      )
    } catch (error) {
      const code = codeOf(error)
      const hint = code === "ENOENT" ? "restart the host, which makes one" : "run this as the user who runs the host"
      return Effect.fail(failed("token", `the admin token at ${line(token)} cannot be read (${code})`, hint))
    }
  })
