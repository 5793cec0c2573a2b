/** The states of a ConfigStore: the configuration in force, the status of the document at the source, and candidates for the next revision. */
import type { Effect } from "effect"
import type { ConfigDocument, Loaded, Remark } from "../../ConfigDocument.ts"
import type { Busy, Conflict, Problem, SourceUnavailable, Unconfirmed } from "../../ConfigError.ts"
import type { Origin } from "../../ConfigEvents.ts"
import type { ConfigSource, Stored, Written } from "../../ConfigSource.ts"
import type { EventBus } from "../../EventBus.ts"
import type { Layering } from "./Layering.ts"
import type { Snapshot } from "./Results.ts"

/** The services that one store uses, and its compiled document. */
export interface Dependencies<C> {
  readonly id: string
  readonly document: ConfigDocument<C>
  /** What is wrong with edits at these paths, although the configuration is valid. */
  readonly checkEdits: (config: C, paths: ReadonlyArray<ReadonlyArray<string>>) => ReadonlyArray<Remark>
  readonly source: ConfigSource["Service"]
  readonly bus: EventBus["Service"]
}

/** The configuration in force, and the document that it was loaded from. */
export interface InForce<C> {
  readonly stored: Stored
  readonly loaded: Loaded<C>
  readonly layering: Layering
  readonly snapshot: Snapshot<C>
}

/** Why the document at the source is not in force. */
export type Refused =
  /** It cannot be read. */
  | { readonly _tag: "Unreadable"; readonly problems: ReadonlyArray<Problem> }
  /** The parser, the schema or a service refused it. */
  | { readonly _tag: "Refused"; readonly hash: string; readonly problems: ReadonlyArray<Problem> }
  /** A service refused it in an earlier process, and this process has not tried it: its services were not built yet. */
  | { readonly _tag: "RefusedEarlier"; readonly hash: string; readonly problems: ReadonlyArray<Problem> }

/** The document at the source. */
export type SourceStatus = { readonly _tag: "InForce" } | Refused

export const hashOf = (status: SourceStatus): string | undefined => ("hash" in status ? status.hash : undefined)

/** A saved document that was never in force, and that a write replaces. */
export type PendingSave =
  /** The new text was made from it. */
  | { readonly _tag: "Merged"; readonly stored: Stored }
  /** The new text does not contain it. */
  | { readonly _tag: "Discarded"; readonly stored: Stored }

interface Loading<C> {
  readonly stored: Stored
  readonly loaded: Loaded<C>
  readonly layering: Layering
  readonly origin: Origin
}

/** The document at the source, as it was found there. */
export interface SavedCandidate<C> extends Loading<C> {
  readonly _tag: "Saved"
}

/** A new text that has to be written. */
export interface TextCandidate<C> extends Loading<C> {
  readonly _tag: "NewText"
  readonly write: Effect.Effect<Written, WriteError>
  /** Whether there is a document to lock from the write until the history has the new text. */
  readonly replacesDocument: boolean
  /** The hash in the history that an undo goes back to. */
  readonly backTo: string | undefined
  readonly replaces: PendingSave | undefined
}

/** Other runtime overrides above the same document. */
export interface OverrideCandidate<C> extends Loading<C> {
  readonly _tag: "Override"
}

/** A configuration that parsed and decoded. */
export type Candidate<C> = SavedCandidate<C> | TextCandidate<C> | OverrideCandidate<C>

export type WriteError = Conflict | Unconfirmed | SourceUnavailable | Busy
