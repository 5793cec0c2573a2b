/**
 * The host at `--host URL`. Its admin token comes from `--token-file` or `SIGNALBOX_TOKEN`, never from an argument, which other users of this machine can
 * read. The host accepts a Host header with one of its IP addresses or a name in its `listen.names`.
 */
import { tokenIn } from "@signalbox/server/TokenText"
import { Effect, Option, Redacted } from "effect"
import { type Failure, usage } from "./Failure.ts"
import { TokenFile } from "./GlobalFlags.ts"
import { printNote } from "./Print.ts"
import type { RunningHost } from "./RunningHost.ts"
import { readInput } from "./readInput.ts"
import { escapeLine } from "./TextFormat.ts"

export const remoteHost = Effect.fnUntraced(function* (address: string) {
  const url = yield* urlOf(address)
  const token = yield* Effect.flatMap(
    TokenFile,
    Option.match({ onNone: () => tokenInEnvironment, onSome: tokenInFile }),
  )
  if (url.protocol === "http:" && !isLoopback(url.hostname) && !isWarned) {
    isWarned = true
    yield* printNote(
      escapeLine(
        `warning: the token goes to ${url.host} without encryption: use https, or a tunnel such as \`ssh -L\``,
      ),
    )
  }
  const host: RunningHost = { url: url.origin, token, note: undefined }
  return host
})

/** A command may look for its host twice. */
let isWarned = false

const urlOf = (address: string): Effect.Effect<URL, Failure> => {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isAddress =
    url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/` && /^https?:/i.test(address)
  return isAddress
    ? Effect.succeed(url)
    : Effect.fail(
        usage(
          "--host takes the address of a host, without a user, a path and a query",
          "write http://127.0.0.1:4747 or https://box.example",
        ),
      )
}

const tokenInEnvironment = Effect.suspend(() => {
  const text = process.env["SIGNALBOX_TOKEN"] ?? ""
  return text === ""
    ? Effect.fail(
        usage(
          "--host needs the admin token of that host",
          "set SIGNALBOX_TOKEN, or name a file with --token-file; the host keeps it in admin.token beside its document",
        ),
      )
    : checked(text, "SIGNALBOX_TOKEN")
})

const tokenInFile = (file: string) => Effect.flatMap(readInput(file), ({ name, text }) => checked(text, name))

/** The message does not repeat the text, which may be another secret. */
const checked = (text: string, name: string): Effect.Effect<Redacted.Redacted, Failure> => {
  const token = tokenIn(text)
  return token === undefined
    ? Effect.fail(
        usage(
          `${escapeLine(name)} holds no admin token: it has 43 letters, digits, - or _`,
          "copy the text of admin.token from beside the host's document",
        ),
      )
    : Effect.succeed(Redacted.make(token))
}

const isLoopback = (name: string): boolean => name === "localhost" || name === "[::1]" || /^127\.[\d.]+$/.test(name)
