/** Checks the files beside the document: their owners and modes, the temporary files of writers that died, and free space. */
import {
  accessSync,
  constants,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  statfsSync,
  statSync,
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { isAnyTemporary, isLeftover } from "@signalbox/core/AtomicFile"
import { mountedFileProblem, mountsPath } from "@signalbox/core/MountedFile"
import { distrustOf, foreignOwnerOf } from "@signalbox/node/PrivateFile"
import type { HostPaths } from "@signalbox/server/HostPaths"
import { Effect } from "effect"
import { errorCode } from "../../errorCode.ts"
import type { Target } from "../../Target.ts"
import { type CheckResult, note, ok, problem } from "./CheckResult.ts"

export const fileChecks = ({ isNamed, paths }: Target): Effect.Effect<ReadonlyArray<CheckResult>> =>
  Effect.sync(() => {
    const directory = statOrCode(paths.directory)
    if (directory === "ENOENT") {
      return [note("directory", `${paths.directory} does not exist yet`, "`signalbox serve` creates it")]
    }
    if (typeof directory === "string") return [notReadable("directory", paths.directory, directory)]
    return [
      directoryMode(paths.directory, directory, isNamed),
      writable(paths.directory),
      privateFile("document", paths.config),
      privateFile("token", paths.token),
      privateFile("credentials", paths.credentials),
      ...privateDirectories([join(paths.directory, "history"), paths.ledger]),
      ...foreignFiles(paths),
      ...mounted(paths.config),
      leftovers(paths.config),
      room(paths.directory),
    ]
  })

const statOrCode = (path: string): Stats | string => {
  try {
    return statSync(path)
  } catch (error) {
    return errorCode(error)
  }
}

const notReadable = (check: string, path: string, code: string): CheckResult =>
  problem(
    check,
    `${path} cannot be read (${code})`,
    "give this user the right to read it, or name another document with --config",
  )

const octal = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, "0")

const directoryMode = (path: string, { mode }: Stats, isNamed: boolean): CheckResult => {
  // A directory that the user chose may be readable by others. With mode 1777 they cannot replace its files, but they can plant others.
  const tooWide = isNamed ? (mode & 0o022) !== 0 : (mode & 0o077) !== 0
  return tooWide
    ? problem(
        "directory",
        `${path} has mode ${octal(mode)}: others can access its files`,
        `chmod ${isNamed ? "go-w" : "700"} ${path}`,
      )
    : ok("directory", `${path}, mode ${octal(mode)}`)
}

const writable = (path: string): CheckResult => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return ok("writing", "changes can be written")
  } catch (error) {
    return errorCode(error) === "EROFS"
      ? problem("writing", `the file system of ${path} is mounted read-only (EROFS)`, "make it writable")
      : problem(
          "writing",
          `this user cannot write to ${path} (${errorCode(error)})`,
          "give this user the right to, or run this as the user that runs the host",
        )
  }
}

const privateFile = (check: string, path: string): CheckResult => {
  const info = statOrCode(path)
  if (info === "ENOENT") return note(check, `${path} does not exist yet`)
  if (typeof info === "string") return notReadable(check, path, info)
  if (!info.isFile()) return problem(check, `${path} is not a file`, "move it away")
  return (info.mode & 0o077) === 0
    ? ok(check, `${path}, mode ${octal(info.mode)}`)
    : problem(check, `others can read ${path} (mode ${octal(info.mode)})`, `chmod 600 ${path}`)
}

const privateDirectories = (paths: ReadonlyArray<string>): ReadonlyArray<CheckResult> =>
  paths.flatMap((path) => {
    const info = statOrCode(path)
    if (info === "ENOENT") return []
    if (typeof info === "string") return [notReadable("directory", path, info)]
    return info.isDirectory() && (info.mode & 0o077) !== 0
      ? [problem("directory", `others can read ${path} (mode ${octal(info.mode)})`, `chmod 700 ${path}`)]
      : []
  })

/** Files and links that another user may have planted. */
const foreignFiles = ({
  config,
  credentials,
  directory,
  ledger,
  lock,
  token,
}: HostPaths): ReadonlyArray<CheckResult> => {
  const mayBeLinks = [directory, config, credentials, token, join(directory, "history"), ledger]
  // A host writes into these.
  const inPlace = [lock, `${config}.host.lock`, `${config}.lock`, `${credentials}.lock`, `${token}.lock`]
  const found = [...mayBeLinks.flatMap(readable(foreignOwnerOf)), ...inPlace.flatMap(readable(distrustOf))]
  return found.length === 0
    ? [ok("owners", "no file belongs to another user")]
    : found.map((sentence) => {
        const end = sentence.lastIndexOf(": ")
        return problem("owners", sentence.slice(0, end), sentence.slice(end + 2))
      })
}

const mounted = (config: string): ReadonlyArray<CheckResult> => {
  const found = readable((path) => mountedFileProblem(readFileSync(mountsPath, "utf8"), realpathSync(path)))(config)
  return found.map((sentence) => {
    const end = sentence.lastIndexOf(": ")
    return problem("mount", sentence.slice(0, end), sentence.slice(end + 2))
  })
}

/** The other checks report what cannot be read. */
const readable =
  (check: (path: string) => string | undefined) =>
  (path: string): ReadonlyArray<string> => {
    try {
      return [check(path) ?? []].flat()
    } catch {
      return []
    }
  }

/** A running writer has such files for moments. */
const leftoverMillis = 60_000

const leftovers = (config: string): CheckResult => {
  const found: Array<string> = []
  try {
    const real = realpathSync(config)
    const document = basename(real)
    for (const name of readdirSync(dirname(real))) {
      if (!isLeftover(document, name) && !isAnyTemporary(name)) continue
      const info = statOrCode(join(dirname(real), name))
      if (typeof info !== "string" && Date.now() - info.mtimeMs > leftoverMillis) found.push(name)
    }
  } catch (error) {
    if (errorCode(error) !== "ENOENT") return notReadable("leftovers", config, errorCode(error))
  }
  return found.length === 0
    ? ok("leftovers", "no temporary files of dead writers")
    : problem(
        "leftovers",
        `a writer died and left ${found.join(", ")}`,
        "the next start of the host, or the next change of the file, removes it and keeps in the history a text that exists nowhere else",
      )
}

const fewBytes = 16 << 20

const room = (path: string): CheckResult => {
  try {
    const { bavail, bsize } = statfsSync(path)
    const free = bavail * bsize
    const mebibytes = Math.floor(free / (1 << 20))
    return free < fewBytes
      ? problem(
          "room",
          `only ${mebibytes} MiB are free`,
          "free some space: otherwise changes fail and the ledger loses entries",
        )
      : ok("room", `${mebibytes} MiB are free`)
  } catch (error) {
    return note("room", `the free space is not known (${errorCode(error)})`)
  }
}
