/** What the ConfigStore says: which document is in force, which was refused and why. Ids, paths and numbers; never a value of the configuration. */
import { Schema } from "effect"
import { Problem } from "./ConfigError.ts"
import * as Event from "./Event.ts"

/** No event names more places than this; then it says `truncated`. */
export const maxPlaces = 256

/** What set a change off. */
export const Origin = Schema.Literals(["start", "file", "api", "reload", "undo", "migration", "remote"])
export type Origin = typeof Origin.Type

/** Another configuration is in force. One for each revision, after it serves. */
export class ConfigChanged extends Event.Class<ConfigChanged>()("config.changed", {
  revision: Schema.Int,
  /** Of the document in force. */
  hash: Schema.String,
  /** Of the document before; the same where the environment or an override has changed. */
  previousHash: Schema.String,
  origin: Origin,
  /** JSON Pointers of effective differences, at most `maxPlaces`; `""` where the document before can no longer be read. */
  paths: Schema.Array(Schema.String),
  truncated: Schema.Boolean,
  /** Those of `paths` that take effect only after a restart. */
  restartRequired: Schema.Array(Schema.String),
}) {}

/** A document, or a change of it, was refused; the last good one keeps serving. Said once for the same document and the same problems. */
export class ConfigRejected extends Event.Class<ConfigRejected>()("config.rejected", {
  /** Of the refused document; absent where there is none: it cannot be read, or the change does not make one. */
  hash: Schema.optionalKey(Schema.String),
  origin: Origin,
  /** At most `maxPlaces`. */
  problems: Schema.Array(Problem),
  truncated: Schema.Boolean,
}) {}

/** What stands at the source is in force again, after it was refused: nothing effective has changed since, or `config.changed` would say it. */
export class ConfigRestored extends Event.Class<ConfigRestored>()("config.restored", {
  /** Of the document in force. */
  hash: Schema.String,
  /** What put it right. */
  origin: Origin,
}) {}

/** The document in force is of an older version; it is read as the new one, and written as such with the next write. */
export class ConfigMigrated extends Event.Class<ConfigMigrated>()("config.migrated", {
  from: Schema.Int,
  to: Schema.Int,
}) {}

/** There was no document: a first one with every default was written. */
export class ConfigSeeded extends Event.Class<ConfigSeeded>()("config.seeded", { path: Schema.String }) {}

/** A write replaced a document that somebody else had saved and that was never in force. */
export class ConfigOverwritten extends Event.Class<ConfigOverwritten>()("config.overwritten", {
  path: Schema.String,
  /** Its hash in the history. */
  kept: Schema.String,
}) {}
