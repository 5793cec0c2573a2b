/**
 * The configuration as commands see it: in a running host by its admin API, or in the files under their lock. Only a host can build the services that
 * depend on a change, so without a host a change is checked against the schema alone.
 */
import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import type { Effect, Schema } from "effect"
import type { Failure } from "./Failure.ts"
import type { RunningHost } from "./RunningHost.ts"

export type Edit =
  | { readonly path: string; readonly value: Schema.Json }
  | { readonly path: string; readonly remove: true }

/** A change: edits, or a whole text. */
export type Proposal = { readonly edits: ReadonlyArray<Edit> } | { readonly text: string }

export type State = Omit<(typeof ConfigGroup.ConfigState)["Type"], "cursor">
/** The state without text and values. */
export type Summary = (typeof ConfigGroup.ConfigSummary)["Type"]
export type Value = (typeof ConfigGroup.Value)["Type"]
export type HistoryEntry = (typeof ConfigGroup.HistoryEntry)["Type"]

export interface Diff {
  readonly from: string
  readonly to: string
  readonly changes: ReadonlyArray<ConfigGroup.Change>
}

export interface ConfigAccess {
  /** `undefined`: the files. */
  readonly host: RunningHost | undefined
  /** Costs a host with many models much more than a change. */
  readonly state: Effect.Effect<State, Failure>
  readonly summary: Effect.Effect<Summary, Failure>
  readonly value: (path: string) => Effect.Effect<Value, Failure>
  /** The effects of a change, without making it. A host builds everything that depends on it, and releases it again. */
  readonly plan: (proposal: Proposal) => Effect.Effect<ConfigGroup.Plan, Failure>
  /** With `ifHash`, fails when the document is another one by now. */
  readonly change: (proposal: Proposal, ifHash?: string) => Effect.Effect<ConfigGroup.Written, Failure>
  readonly undo: Effect.Effect<ConfigGroup.Written, Failure>
  /** Newest first. */
  readonly history: Effect.Effect<ReadonlyArray<HistoryEntry>, Failure>
  /** Compares two documents of the history, named by their hashes or prefixes of them. Without `to`, compares with the document in force. */
  readonly diff: (from: string, to: string | undefined) => Effect.Effect<Diff, Failure>
}
