/** Everything that reading, checking or writing a configuration can answer, as data and as one sentence that says what to do. */
import { Schema } from "effect"

/** One reason why a document is refused. `by` is `source`, `parser`, `schema` or the id of a node; `path` a JSON Pointer. Never holds a value from the document. */
export const Problem = Schema.Struct({
  by: Schema.String,
  path: Schema.String,
  /** 1-based, as editors count. */
  line: Schema.optionalKey(Schema.Int),
  column: Schema.optionalKey(Schema.Int),
  message: Schema.String,
})
export type Problem = typeof Problem.Type

/** The document is not acceptable; the last good one keeps serving. */
export class Rejected extends Schema.TaggedClass<Rejected>()("Rejected", { problems: Schema.Array(Problem) }) {}

/** Somebody else changed the document first. */
export class Conflict extends Schema.TaggedClass<Conflict>()("Conflict", {
  expected: Schema.String,
  actual: Schema.String,
}) {}

/** The new document stands and is in force, but its directory entry may not survive a power cut. */
export class Unconfirmed extends Schema.TaggedClass<Unconfirmed>()("Unconfirmed", { path: Schema.String }) {}

/** The document can be neither read nor written there. `code` is `ENOENT`, `EACCES`, `ENOSPC`, `EIO` … */
export class SourceUnavailable extends Schema.TaggedClass<SourceUnavailable>()("SourceUnavailable", {
  path: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {}

/** Too many changes wait already, or another process holds the document's lock. */
export class Busy extends Schema.TaggedClass<Busy>()("Busy", { detail: Schema.String }) {}

export type ConfigReason = Rejected | Conflict | Unconfirmed | SourceUnavailable | Busy

export class ConfigStoreError extends Schema.TaggedError<ConfigStoreError>()("ConfigStoreError", {
  reason: Schema.Union([Rejected, Conflict, Unconfirmed, SourceUnavailable, Busy]),
}) {}
