/** The document that a command works on, and the host that serves it. */
import { basename } from "node:path"
import type { HostNote } from "@signalbox/server/HostNote"
import { type HostPaths, hostPaths } from "@signalbox/server/HostPaths"
import { Effect, Option } from "effect"
import { replacement } from "./Arguments.ts"
import { findDocument } from "./DocumentPath.ts"
import { type Failure, failed, hostSilent, noHost, usage } from "./Failure.ts"
import { requireReadable } from "./FilePermissions.ts"
import { ConfigFile, HostUrl, type TargetFlags, TokenFile } from "./GlobalFlags.ts"
import { findHost, findSilentHost, type RunningHost } from "./RunningHost.ts"

export interface Target {
  readonly paths: HostPaths
  /** Whether the user named the document. Otherwise it is the default one. */
  readonly isNamed: boolean
  /** The host at `--host`. The files belong to no command then. */
  readonly remote: RunningHost | undefined
}

export const target: Effect.Effect<Target, Failure, TargetFlags> = Effect.gen(function* () {
  const address = yield* namedHost
  const remote = address === undefined ? undefined : yield* loadRemoteHost(address)
  if (remote === undefined && Option.isSome(yield* TokenFile)) {
    return yield* usage(
      "--token-file needs --host",
      "add --host URL, or leave it out: a host on this machine has its token in a file",
    )
  }
  const flag = Option.getOrUndefined(yield* ConfigFile)
  if (remote !== undefined && flag !== undefined) {
    return yield* usage("--host and --config exclude each other", "leave one of them out")
  }
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
  return { paths: hostPaths(found.path), isNamed: found.isNamed, remote }
})

const namedHost = Effect.map(HostUrl, Option.getOrUndefined)

const loadRemoteHost = (address: string) =>
  Effect.flatMap(
    Effect.promise(() => import("./RemoteHost.ts")),
    ({ remoteHost }) => remoteHost(address),
  )

/** For commands on the files of this machine. `purpose` completes "signalbox can … only on the machine of the host". */
export const localTarget = (purpose: string) =>
  Effect.flatMap(namedHost, (address) =>
    address === undefined
      ? target
      : Effect.fail(
          usage(
            `--host does not work here: signalbox can ${purpose} only on the machine of the host`,
            "run the command there, without --host",
          ),
        ),
  )

/** The host of this document. A host of another document in the same directory does not count. */
export const hostOf = ({ paths, remote }: Target): Effect.Effect<RunningHost | undefined, Failure> =>
  remote === undefined
    ? Effect.map(findHost(paths), (host) => (host?.note?.document === basename(paths.config) ? host : undefined))
    : Effect.succeed(remote)

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
