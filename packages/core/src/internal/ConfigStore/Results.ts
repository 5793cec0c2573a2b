/** The values that the operations of a ConfigStore return. None of them holds a secret, except the configuration itself. */
import type { Change } from "../../ConfigDocument.ts"
import type { Problem } from "../../ConfigError.ts"

/** The configuration of one revision. Immutable. */
export interface Snapshot<out C> {
  /** 1, 2, 3 …, in the order in which this process accepted them. */
  readonly revision: number
  /** SHA-256 of the document's text, the same in every process. */
  readonly hash: string
  readonly config: C
}

/** What a change would do. */
export interface Plan {
  /** Compared with the configuration in force, redacted. */
  readonly changes: ReadonlyArray<Change>
  /** Paths that would be written without effect, because a higher layer hides them. */
  readonly shadowed: ReadonlyArray<string>
  /** Names of the services that would be rebuilt. */
  readonly rebuilt: ReadonlyArray<string>
  /** Paths of `changes` that would take effect only after a restart. */
  readonly restartRequired: ReadonlyArray<string>
  /** Why the change would be refused, and by which service; empty if it would be accepted. */
  readonly problems: ReadonlyArray<Problem>
  readonly warnings: ReadonlyArray<Problem>
}

/** The result of a write. */
export interface Accepted<out C> extends Snapshot<C> {
  /** Compared with the configuration that was in force before, redacted, at most 256. Empty if nothing effective changed. */
  readonly changes: ReadonlyArray<Change>
  /** Paths of an update or a replacement that were written without effect, because a higher layer hides them. */
  readonly shadowed: ReadonlyArray<string>
  /** Paths of `changes` that take effect only after a restart. */
  readonly restartRequired: ReadonlyArray<string>
  /** The same as `ConfigStore.warnings` after the write. */
  readonly warnings: ReadonlyArray<Problem>
}

/** A document of the history, redacted. */
export interface Past {
  readonly hash: string
  readonly text: string
}

/** The differences between two documents. */
export interface Differences {
  /** The complete hash. */
  readonly from: string
  /** The complete hash. */
  readonly to: string
  /** Redacted, at most 256. */
  readonly changes: ReadonlyArray<Change>
}

/** The document in force, redacted. */
export interface RedactedDocument {
  /** The redaction marker replaces each secret. Redacted when it is first read, which costs more than a change for a large document. */
  readonly text: string
  readonly hash: string
  readonly revision: number
}

/** Options of a write. */
export interface WriteOptions {
  /** The write fails with `Conflict` if the document at the source has another hash. */
  readonly ifHash?: string
}
