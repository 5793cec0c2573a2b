/**
 * The configuration, wherever it is: in a running host, by its admin API, or in the files, under their lock. Commands are written once; what
 * differs is that only a host can build what depends on a change, so that without one a change is checked against the schema alone.
 */
import { basename } from "node:path"
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import type { HostNote } from "@signalbox/server/HostNote"
import { type HostPaths, hostPaths } from "@signalbox/server/HostPaths"
import { Effect, Option, type Schema } from "effect"
import { whichDocument } from "./DocumentPath.ts"
import { type Failure, failed, leaving, noHost, usage } from "./Failure.ts"
import { mustBeReadable } from "./FilePermissions.ts"
import { ConfigPath } from "./GlobalFlags.ts"
import { findHost, type Host, leavingHost } from "./RunningHost.ts"

export type Edit =
  | { readonly path: string; readonly value: Schema.Json }
  | { readonly path: string; readonly remove: true }

/** What a change is made of: edits, or a whole text. */
export type Proposal = { readonly edits: ReadonlyArray<Edit> } | { readonly text: string }

export type State = Omit<(typeof ConfigGroup.ConfigState)["Type"], "cursor">
export type Value = (typeof ConfigGroup.Value)["Type"]
export type HistoryEntry = (typeof ConfigGroup.HistoryEntry)["Type"]

export interface Access {
  /** Who answers; `undefined`: the files. */
  readonly host: Host | undefined
  readonly state: Effect.Effect<State, Failure>
  readonly value: (path: string) => Effect.Effect<Value, Failure>
  /** What a change would do. A host builds all that depends on it, and lets it go again. */
  readonly plan: (proposal: Proposal) => Effect.Effect<ConfigGroup.Plan, Failure>
  /** `ifHash`: only if that document still stands there. */
  readonly change: (proposal: Proposal, ifHash?: string) => Effect.Effect<ConfigGroup.Written, Failure>
  readonly undo: Effect.Effect<ConfigGroup.Written, Failure>
  /** Newest first. */
  readonly history: Effect.Effect<ReadonlyArray<HistoryEntry>, Failure>
  /** Between two documents of the history, by their hashes or the beginnings of them; `to` left out: the one in force. */
  readonly diff: (
    from: string,
    to: string | undefined,
  ) => Effect.Effect<
    { readonly from: string; readonly to: string; readonly changes: ReadonlyArray<ConfigGroup.Change> },
    Failure
  >
}

/** Where the document of this command stands. */
export interface Where {
  readonly place: HostPaths
  /** It was named; else it is the default one. */
  readonly named: boolean
}

export const where: Effect.Effect<Where, Failure, typeof ConfigPath.Identifier> = Effect.gen(function* () {
  const flag = Option.getOrUndefined(yield* ConfigPath)
  // A variable of a script that is empty is not meant as the default document.
  if (flag === "") return yield* usage("--config names no file", "write --config FILE, or leave it out")
  const which = whichDocument(flag, process.env)
  if (which === undefined) {
    return yield* failed(
      "no-place",
      "there is no place for the document: neither XDG_DATA_HOME nor HOME names an absolute path",
      "name one with --config FILE or SIGNALBOX_CONFIG",
    )
  }
  if (which === "no-directory") {
    return yield* failed(
      "no-place",
      "the document is named by a relative path, and the working directory was removed",
      "change to a directory that is there, or name the document by an absolute path",
    )
  }
  return { place: hostPaths(which.path), named: which.named }
})

/** The host of this document; one of another document in the same directory is none. */
export const hostOf = ({ place }: Where): Effect.Effect<Host | undefined, Failure> =>
  Effect.map(findHost(place), (host) => (host?.note.document === basename(place.config) ? host : undefined))

/** The host of this document that is about to end, where `hostOf` has found none. */
export const leavingOf = ({ place }: Where): HostNote | undefined => {
  const note = leavingHost(place)
  return note?.document === basename(place.config) ? note : undefined
}

/** Runs `use` on the host if one runs, else on the files. `intent`: whether files may be made or changed. */
export const withAccess = <A, E, R>(
  intent: "read" | "write",
  use: (access: Access) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E | Failure, R | typeof ConfigPath.Identifier> =>
  Effect.gen(function* () {
    const at = yield* where
    const host = yield* hostOf(at)
    if (host !== undefined) {
      const { remote } = yield* Effect.promise(() => import("./HostConfigAccess.ts"))
      return yield* use(yield* remote(host))
    }
    const { withLocal } = yield* Effect.promise(() => import("./FileConfigAccess.ts"))
    return yield* withLocal(at, intent, use)
  })

/** The host, for what needs one. */
export const requireHost = (what: string) =>
  Effect.gen(function* () {
    const at = yield* where
    const host = yield* hostOf(at)
    if (host !== undefined) return host
    const last = leavingOf(at)
    if (last !== undefined) return yield* leaving(last)
    // Then nobody can say that none runs.
    yield* mustBeReadable(at.place.lock)
    return yield* noHost(at.place.config, what)
  })
