/** The document that a command works on, and the host that serves it. */
import { basename } from "node:path"
import type { HostNote } from "@signalbox/server/HostNote"
import { type HostPaths, hostPaths } from "@signalbox/server/HostPaths"
import { Effect, Option } from "effect"
import { replacement } from "./Arguments.ts"
import { findDocument } from "./DocumentPath.ts"
import { type Failure, failed, hostSilent, noHost, usage } from "./Failure.ts"
import { requireReadable } from "./FilePermissions.ts"
import { ConfigFile } from "./GlobalFlags.ts"
import { findHost, findSilentHost, type RunningHost } from "./RunningHost.ts"

export interface Target {
  readonly paths: HostPaths
  /** Whether the user named the document. Otherwise it is the default one. */
  readonly isNamed: boolean
}

export const target: Effect.Effect<Target, Failure, typeof ConfigFile.Identifier> = Effect.gen(function* () {
  const flag = Option.getOrUndefined(yield* ConfigFile)
  // An empty variable in a script must not select the default document.
  if (flag === "") return yield* usage("--config names no file", "write --config FILE, or leave it out")
  const found = findDocument(flag, process.env)
  if (found === "no-home") {
    return yield* failed(
      "no-place",
      "there is no place for the document: neither XDG_DATA_HOME nor HOME is an absolute path",
      "name the document with --config FILE or SIGNALBOX_CONFIG",
    )
  }
  if (found === "no-directory") {
    return yield* failed(
      "no-place",
      "the path of the document is relative, and the working directory was removed",
      "change to an existing directory, or name the document by an absolute path",
    )
  }
  // Node has replaced bytes of SIGNALBOX_CONFIG, XDG_DATA_HOME, HOME or the working directory: another file would be written.
  if (found.path.includes(replacement)) {
    return yield* usage(
      "the path of the document is not UTF-8",
      "name a document whose path is UTF-8 with --config FILE",
    )
  }
  return { paths: hostPaths(found.path), isNamed: found.isNamed }
})

/** The host of this document. A host of another document in the same directory does not count. */
export const hostOf = ({ paths }: Target): Effect.Effect<RunningHost | undefined, Failure> =>
  Effect.map(findHost(paths), (host) => (host?.note.document === basename(paths.config) ? host : undefined))

/** The host of this document that cannot be reached, where `hostOf` found none. */
export const silentHostOf = ({ paths }: Target): HostNote | undefined => {
  const note = findSilentHost(paths)
  return note?.document === basename(paths.config) ? note : undefined
}

/** Fails when no host serves the document. `purpose` completes "which is needed to …". */
export const requireHost = (purpose: string) =>
  Effect.gen(function* () {
    const document = yield* target
    const host = yield* hostOf(document)
    if (host !== undefined) return host
    const silent = silentHostOf(document)
    if (silent !== undefined) return yield* hostSilent(silent)
    // Without the right to read the lock, it is not known whether a host is running.
    yield* requireReadable(document.paths.lock)
    return yield* noHost(document.paths.config, purpose)
  })
