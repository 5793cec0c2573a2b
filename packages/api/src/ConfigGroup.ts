/**
 * Reads, changes, plans and restores the configuration. Responses are redacted; a write that contains the redaction marker keeps the present
 * secret. ETags are hashes: a write with `If-Match` takes effect only on the document with that hash.
 */
import { Problem } from "@signalbox/core/ConfigError"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ConfigProblems, NotFound, Rejected, Unavailable } from "./Problems.ts"

/** One changed path, redacted. `before` is absent for an added value, `after` for a removed one. */
export const Change = Schema.Struct({
  path: Schema.String,
  before: Schema.optionalKey(Schema.Json),
  after: Schema.optionalKey(Schema.Json),
})
export type Change = typeof Change.Type

/** One edit: a JSON Pointer (RFC 6901) and its new value, or `remove: true`. */
export const Edit = Schema.Union([
  Schema.Struct({ path: Schema.String, value: Schema.Json }),
  Schema.Struct({ path: Schema.String, remove: Schema.Literal(true) }),
])

/** The most edits of one change. Each edit processes the whole document; send a text for larger changes. */
const maxEdits = 1_000

const summary = {
  /** The path of the document. */
  source: Schema.String,
  revision: Schema.Int,
  hash: Schema.String,
  /** The problems of the stored document. Empty if it is in force. */
  problems: Schema.Array(Problem),
  /** Accepted values that are probably mistakes. */
  warnings: Schema.Array(Problem),
}

/** The present configuration without its text and values, which cost a host much more. */
export const ConfigSummary = Schema.Struct(summary)

/** The present configuration. */
export const ConfigState = Schema.Struct({
  ...summary,
  /** The document in force, comments included, redacted. */
  text: Schema.String,
  /** The values in force: defaults, document, environment and overrides combined; redacted. */
  effective: Schema.Json,
  /** The cursor of this state: follow the feed after it. */
  cursor: Schema.String,
})

/** One value and its layer. */
export const Value = Schema.Struct({
  path: Schema.String,
  /** Effective and redacted. */
  value: Schema.Json,
  provenance: Schema.Literals(["default", "document", "environment", "runtime"]),
  hash: Schema.String,
})

/** The result of a write. */
export const Written = Schema.Struct({
  revision: Schema.Int,
  hash: Schema.String,
  /** The effective changes, redacted. */
  changes: Schema.Array(Change),
  /** Paths that were written and are hidden by the environment or an override. */
  shadowed: Schema.Array(Schema.String),
  /** The paths of `changes` that take effect only after a restart. */
  restartRequired: Schema.Array(Schema.String),
  /** The path of the document, for messages. */
  source: Schema.String,
  /** Accepted values that are probably mistakes. */
  warnings: Schema.Array(Problem),
})
export type Written = typeof Written.Type

/** The effects of a change that was not made. */
export const Plan = Schema.Struct({
  changes: Schema.Array(Change),
  shadowed: Schema.Array(Schema.String),
  /** Services that would be rebuilt. */
  rebuilt: Schema.Array(Schema.String),
  restartRequired: Schema.Array(Schema.String),
  /** The reasons to refuse it. Empty if it would be accepted. */
  problems: Schema.Array(Problem),
  /** Accepted values that are probably mistakes. */
  warnings: Schema.Array(Problem),
})
export type Plan = typeof Plan.Type

/** A document of the history. */
export const HistoryEntry = Schema.Struct({
  hash: Schema.String,
  /** Milliseconds since 1970. */
  at: Schema.Int,
  bytes: Schema.Int,
  /** Whether it is in force. */
  current: Schema.Boolean,
  /** The document was never in force: a service refused it, or another write replaced it first. An undo skips it. */
  neverInForce: Schema.optionalKey(Schema.Literals(["refused", "overwritten"])),
})

/** The ETag is the quoted hash. */
const tagged = { etag: Schema.String }
const conditional = { "if-match": Schema.optionalKey(Schema.String) }
const at = { path: Schema.String }

/** `/api/config`. */
export class ConfigGroup extends HttpApiGroup.make("config")
  .add(
    HttpApiEndpoint.get("get", "/config", { success: HttpApiSchema.WithHeaders(ConfigState, tagged) }),
    HttpApiEndpoint.get("summary", "/config/summary", { success: HttpApiSchema.WithHeaders(ConfigSummary, tagged) }),
    HttpApiEndpoint.put("replace", "/config", {
      headers: conditional,
      payload: Schema.Struct({ text: Schema.String }),
      success: HttpApiSchema.WithHeaders(Written, tagged),
      error: ConfigProblems,
    }),
    HttpApiEndpoint.patch("update", "/config", {
      headers: conditional,
      payload: Schema.Struct({ edits: Schema.Array(Edit).check(Schema.isMinLength(1), Schema.isMaxLength(maxEdits)) }),
      success: HttpApiSchema.WithHeaders(Written, tagged),
      error: ConfigProblems,
    }),
    HttpApiEndpoint.get("getValue", "/config/value", {
      query: at,
      success: HttpApiSchema.WithHeaders(Value, tagged),
      error: NotFound,
    }),
    HttpApiEndpoint.put("setValue", "/config/value", {
      query: at,
      headers: conditional,
      payload: Schema.Struct({ value: Schema.Json }),
      success: HttpApiSchema.WithHeaders(Written, tagged),
      error: ConfigProblems,
    }),
    HttpApiEndpoint.delete("removeValue", "/config/value", {
      query: at,
      headers: conditional,
      success: HttpApiSchema.WithHeaders(Written, tagged),
      error: ConfigProblems,
    }),
    /** Accepts edits or a whole text, and changes nothing. `problems` of the response lists reasons to refuse it. */
    HttpApiEndpoint.post("plan", "/config/plan", {
      payload: Schema.Union([
        Schema.Struct({ edits: Schema.Array(Edit).check(Schema.isMaxLength(maxEdits)) }),
        Schema.Struct({ text: Schema.String }),
      ]),
      success: Plan,
      error: ConfigProblems,
    }),
    HttpApiEndpoint.post("reload", "/config/reload", {
      /** Optional. */
      payload: [Schema.Struct({ ignoreEnvironment: Schema.optionalKey(Schema.Boolean) }), Schema.Null],
      success: Schema.Struct({
        changes: Schema.Array(Change),
        /** The changes as lines for people. */
        summary: Schema.String,
      }),
      error: ConfigProblems,
    }),
    HttpApiEndpoint.post("undo", "/config/undo", {
      success: HttpApiSchema.WithHeaders(Written, tagged),
      error: ConfigProblems,
    }),
    HttpApiEndpoint.get("history", "/config/history", {
      success: Schema.Struct({ entries: Schema.Array(HistoryEntry) }),
      error: Unavailable,
    }),
    /** One document of the history, by its hash or a prefix of at least 6 digits; redacted. */
    HttpApiEndpoint.get("past", "/config/history/:hash", {
      params: { hash: Schema.String },
      success: Schema.Struct({ hash: Schema.String, text: Schema.String }),
      error: [NotFound, Unavailable],
    }),
    /** The differences between two documents of the history. Without `to`, the document in force. */
    HttpApiEndpoint.get("diff", "/config/diff", {
      query: { from: Schema.String, to: Schema.optionalKey(Schema.String) },
      success: Schema.Struct({ from: Schema.String, to: Schema.String, changes: Schema.Array(Change) }),
      error: [NotFound, Rejected, Unavailable],
    }),
    /** The JSON Schema (draft 2020-12) of the document. */
    HttpApiEndpoint.get("schema", "/config/schema", { success: Schema.Json }),
  )
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Configuration" })) {}
