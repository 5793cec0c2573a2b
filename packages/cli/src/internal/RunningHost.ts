/**
 * Finds the host that serves a document by its note in `host.lock`, and verifies it before the admin token is sent: the note of a killed host may name a
 * port that now belongs to another program.
 */
import { readFileSync } from "node:fs"
import { foreignOwnerOf } from "@signalbox/node/PrivateFile"
import { type HostNote, readHostNote } from "@signalbox/server/HostNote"
import type { HostPaths } from "@signalbox/server/HostPaths"
import { tokenIn } from "@signalbox/server/TokenText"
import { Effect, Redacted } from "effect"
import { errorCode } from "./errorCode.ts"
import { type Failure, failed } from "./Failure.ts"
import { withSpinner } from "./Print.ts"
import { isHealthy, isHost } from "./RunningHost/verifyHost.ts"
import { escapeLine } from "./TextFormat.ts"

export interface RunningHost {
  /** Without a trailing slash. */
  readonly url: string
  /** `undefined` for a host elsewhere. */
  readonly note: HostNote | undefined
  readonly token: Redacted.Redacted
}

/** `undefined` when no host is running. Fails when one is running that cannot be used. */
export const findHost = (paths: HostPaths): Effect.Effect<RunningHost | undefined, Failure> =>
  Effect.gen(function* () {
    const note = readHostNote(paths.lock)
    if (note === undefined) return undefined
    if (!(yield* isHost(paths.lock, note))) return undefined
    return { url: note.url, note, token: yield* readToken(paths) }
  })

/**
 * A host that still holds its lock when `findHost` finds none. It has closed its socket and waits for its requests, or it is in a container
 * whose network is closed to this process.
 */
export const findSilentHost = ({ lock }: HostPaths): HostNote | undefined => readHostNote(lock)

/** Fails within seconds when the host is stuck. For commands that people run to find out. */
export const requireResponse = ({ note }: RunningHost): Effect.Effect<void, Failure> =>
  note === undefined ? Effect.void : Effect.asVoid(isHealthy(note)).pipe(withSpinner("asking the host"))

const readToken = ({ token }: HostPaths): Effect.Effect<Redacted.Redacted, Failure> =>
  Effect.suspend(() => {
    try {
      const foreign = foreignOwnerOf(token)
      if (foreign !== undefined) {
        return Effect.fail(failed("token", escapeLine(foreign)))
      }
      const text = tokenIn(readFileSync(token, "utf8"))
      if (text !== undefined) return Effect.succeed(Redacted.make(text))
      return Effect.fail(
        failed("token", `${escapeLine(token)} holds no admin token`, "restart the host: it writes a new one"),
      )
    } catch (error) {
      const code = errorCode(error)
      const hint = code === "ENOENT" ? "restart the host: it writes one" : "run this as the user that runs the host"
      return Effect.fail(failed("token", `the admin token at ${escapeLine(token)} cannot be read (${code})`, hint))
    }
  })
