/** What lies in the directory of the document: who can read it, what writers that died have left, and whether there is room. */
import { accessSync, constants, readdirSync, realpathSync, type Stats, statfsSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { isLeftover } from "@signalbox/core/AtomicFile"
import { Effect } from "effect"
import type { Where } from "../../ConfigAccess.ts"
import { codeOf } from "../../errorCode.ts"
import { type Finding, note, ok, problem } from "./Check.ts"

export const fileFindings = ({ named, place }: Where): Effect.Effect<ReadonlyArray<Finding>> =>
  Effect.sync(() => {
    const directory = look(place.directory)
    if (directory === "ENOENT") {
      return [note("directory", `${place.directory} is not there yet`, "`signalbox serve` makes it")]
    }
    if (typeof directory === "string") return [unreadable("directory", place.directory, directory)]
    return [
      directoryMode(place.directory, directory, named),
      writable(place.directory),
      privateFile("document", place.config),
      privateFile("token", place.token),
      privateFile("credentials", place.credentials),
      leftovers(place.config),
      room(place.directory),
    ]
  })

const look = (path: string): Stats | string => {
  try {
    return statSync(path)
  } catch (error) {
    return codeOf(error)
  }
}

const unreadable = (check: string, path: string, code: string): Finding =>
  problem(
    check,
    `${path} cannot be looked at (${code})`,
    "give this user the right to, or name another document with --config",
  )

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0")

const sticky = 0o1000

const directoryMode = (path: string, { mode }: Stats, named: boolean): Finding => {
  // A directory that somebody else chose may be open, as long as nobody can put another file in a file's place.
  const tooWide = named ? (mode & 0o022) !== 0 && (mode & sticky) === 0 : (mode & 0o077) !== 0
  return tooWide
    ? problem(
        "directory",
        `${path} has mode ${octal(mode)}: others can get at what is in it`,
        `chmod ${named ? "go-w" : "700"} ${path}`,
      )
    : ok("directory", `${path}, mode ${octal(mode)}`)
}

const writable = (path: string): Finding => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return ok("writing", "changes can be written")
  } catch (error) {
    return codeOf(error) === "EROFS"
      ? problem("writing", `the file system of ${path} is mounted read-only (EROFS)`, "make it writable")
      : problem(
          "writing",
          `this user cannot write to ${path} (${codeOf(error)})`,
          "give it the right to, or run this as the user who runs the host",
        )
  }
}

const privateFile = (check: string, path: string): Finding => {
  const info = look(path)
  if (info === "ENOENT") return note(check, `${path} is not there yet`)
  if (typeof info === "string") return unreadable(check, path, info)
  if (!info.isFile()) return problem(check, `${path} is no file`, "move it away")
  return (info.mode & 0o077) === 0
    ? ok(check, `${path}, mode ${octal(info.mode)}`)
    : problem(check, `others can read ${path} (mode ${octal(info.mode)})`, `chmod 600 ${path}`)
}

/** A writer at work has such files for moments. */
const leftoverMillis = 60_000

const leftovers = (config: string): Finding => {
  const found: Array<string> = []
  try {
    const real = realpathSync(config)
    const document = basename(real)
    for (const name of readdirSync(dirname(real))) {
      if (!isLeftover(document, name)) continue
      const info = look(join(dirname(real), name))
      if (typeof info !== "string" && Date.now() - info.mtimeMs > leftoverMillis) found.push(name)
    }
  } catch (error) {
    if (codeOf(error) !== "ENOENT") return unreadable("leftovers", config, codeOf(error))
  }
  return found.length === 0
    ? ok("leftovers", "no writer has died here")
    : problem(
        "leftovers",
        `a writer died and left ${found.join(", ")}`,
        "the next change sweeps it, and keeps in the history what nobody else has",
      )
}

const fewBytes = 16 << 20

const room = (path: string): Finding => {
  try {
    const { bavail, bsize } = statfsSync(path)
    const free = bavail * bsize
    const mebibytes = Math.floor(free / (1 << 20))
    return free < fewBytes
      ? problem(
          "room",
          `only ${mebibytes} MiB are free there`,
          "make room: without it changes are refused and the ledger loses entries",
        )
      : ok("room", `${mebibytes} MiB are free`)
  } catch (error) {
    return note("room", `how much is free is not known (${codeOf(error)})`)
  }
}
