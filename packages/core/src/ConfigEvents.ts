/** The events of the ConfigStore: which document is in force, which was refused and why. They hold ids, paths and numbers, never a value of the configuration. */
import { Schema } from "effect"
import { Problem } from "./ConfigError.ts"
import * as Event from "./Event.ts"

/** An event names at most this many paths or problems; it has `truncated: true` if there are more. */
export const maxPlaces = 256

/** The cause of a change. */
export const Origin = Schema.Literals(["start", "file", "api", "reload", "undo", "migration", "remote"])
export type Origin = typeof Origin.Type

/** Another configuration is in force. Published once for each revision, after it serves. */
export class ConfigChanged extends Event.Class<ConfigChanged>()("config.changed", {
  revision: Schema.Int,
  /** The hash of the document in force. */
  hash: Schema.String,
  /** The hash of the document before. It is the same if the environment or an override changed. */
  previousHash: Schema.String,
  origin: Origin,
  /** JSON Pointers of effective differences, at most `maxPlaces`; `""` if the document before can no longer be read. */
  paths: Schema.Array(Schema.String),
  truncated: Schema.Boolean,
  /** The members of `paths` that take effect only after a restart. */
  restartRequired: Schema.Array(Schema.String),
}) {}

/** A document, or a change of it, was refused; the last good one keeps serving. Published once for the same document with the same problems. */
export class ConfigRejected extends Event.Class<ConfigRejected>()("config.rejected", {
  /** The hash of the refused document. Absent if it cannot be read, or if the change did not produce one. */
  hash: Schema.optionalKey(Schema.String),
  origin: Origin,
  /** At most `maxPlaces`. */
  problems: Schema.Array(Problem),
  truncated: Schema.Boolean,
}) {}

/** The document at the source is in force again after it was refused. If this changes something, `config.changed` is published instead. */
export class ConfigRestored extends Event.Class<ConfigRestored>()("config.restored", {
  /** The hash of the document in force. */
  hash: Schema.String,
  /** The change that corrected it. */
  origin: Origin,
}) {}

/** The document in force has an older version. It is read as the current version, and the next write writes it so. */
export class ConfigMigrated extends Event.Class<ConfigMigrated>()("config.migrated", {
  from: Schema.Int,
  to: Schema.Int,
}) {}

/** The source had no document: a first one with every default was written. */
export class ConfigSeeded extends Event.Class<ConfigSeeded>()("config.seeded", { path: Schema.String }) {}

/** A write replaced a saved document that was never in force. */
export class ConfigOverwritten extends Event.Class<ConfigOverwritten>()("config.overwritten", {
  path: Schema.String,
  /** The hash of the replaced document in the history. */
  kept: Schema.String,
}) {}
