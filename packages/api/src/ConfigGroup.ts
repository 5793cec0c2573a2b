/**
 * The configuration: read, change, plan, go back. Everything that is shown is redacted; a write that holds the redaction marker keeps the
 * secret that stands there. Hashes are the ETags: a write with `If-Match` takes effect only on the document it was made for.
 */
import { Problem } from "@signalbox/core/ConfigError"
import { Schema } from "effect"
import { HttpApiEndpoint, HttpApiGroup, HttpApiSchema, OpenApi } from "effect/http-api"
import { ConfigProblems, NotFound, Rejected, Unavailable } from "./Problems.ts"

/** Redacted. An absent side is not there. */
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

/** Of one change. Each goes through the whole document, and nobody is served meanwhile: who changes more sends the text. */
const maxEdits = 1_000

/** The configuration as it stands. */
export const ConfigState = Schema.Struct({
  /** Where the document stands: a path. */
  source: Schema.String,
  revision: Schema.Int,
  hash: Schema.String,
  /** The document in force, comments included, redacted. */
  text: Schema.String,
  /** What is in force: defaults, document, environment and overrides put together; redacted. */
  effective: Schema.Json,
  /** Why what stands at the source is not in force; empty: it is. */
  problems: Schema.Array(Problem),
  /** What works and is worth a look. */
  warnings: Schema.Array(Problem),
  /** The place of this state in the order of events: follow the feed after it. */
  cursor: Schema.String,
})

/** One value, and the layer that it comes from. */
export const Value = Schema.Struct({
  path: Schema.String,
  /** Effective and redacted. */
  value: Schema.Json,
  provenance: Schema.Literals(["default", "document", "environment", "runtime"]),
  hash: Schema.String,
})

/** What a write has brought into force. */
export const Written = Schema.Struct({
  revision: Schema.Int,
  hash: Schema.String,
  /** What is different now, redacted. */
  changes: Schema.Array(Change),
  /** Written, but hidden by the environment or an override. */
  shadowed: Schema.Array(Schema.String),
  /** Those of `changes` that take effect only after a restart. */
  restartRequired: Schema.Array(Schema.String),
  /** The document's name, for messages: its path. */
  source: Schema.String,
  /** What works now and deserves a look. */
  warnings: Schema.Array(Problem),
})
export type Written = typeof Written.Type

/** What a change would do. */
export const Plan = Schema.Struct({
  changes: Schema.Array(Change),
  shadowed: Schema.Array(Schema.String),
  /** Services that would be rebuilt. */
  rebuilt: Schema.Array(Schema.String),
  restartRequired: Schema.Array(Schema.String),
  /** Who would refuse it; empty: it would be accepted. */
  problems: Schema.Array(Problem),
  /** What would work and be worth a look. */
  warnings: Schema.Array(Problem),
})
export type Plan = typeof Plan.Type

/** A document that was in force, or is kept though it was not. */
export const HistoryEntry = Schema.Struct({
  hash: Schema.String,
  /** Milliseconds since 1970. */
  at: Schema.Int,
  bytes: Schema.Int,
  /** In force now. */
  current: Schema.Boolean,
  /** A service refused it, or it was replaced before it could come into force; no undo goes to it. */
  neverInForce: Schema.optionalKey(Schema.Literals(["refused", "overwritten"])),
})

/** The quoted hash. */
const tagged = { etag: Schema.String }
const conditional = { "if-match": Schema.optionalKey(Schema.String) }
const at = { path: Schema.String }

/** `/api/config`. */
export class ConfigGroup extends HttpApiGroup.make("config")
  .add(
    HttpApiEndpoint.get("get", "/config", { success: HttpApiSchema.WithHeaders(ConfigState, tagged) }),
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
    /** Edits, or a whole text; nothing is written or said. What would be refused is said in the answer's `problems`. */
    HttpApiEndpoint.post("plan", "/config/plan", {
      payload: Schema.Union([
        Schema.Struct({ edits: Schema.Array(Edit).check(Schema.isMaxLength(maxEdits)) }),
        Schema.Struct({ text: Schema.String }),
      ]),
      success: Plan,
      error: ConfigProblems,
    }),
    HttpApiEndpoint.post("reload", "/config/reload", {
      /** May be left out. */
      payload: [Schema.Struct({ ignoreEnvironment: Schema.optionalKey(Schema.Boolean) }), Schema.Null],
      success: Schema.Struct({
        changes: Schema.Array(Change),
        /** As an editor's `/reload>` shows it (facts of hexai). */
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
    /** One document of the history, by its hash or the beginning of it (at least 6 digits); redacted. */
    HttpApiEndpoint.get("past", "/config/history/:hash", {
      params: { hash: Schema.String },
      success: Schema.Struct({ hash: Schema.String, text: Schema.String }),
      error: [NotFound, Unavailable],
    }),
    /** What lies between two documents of the history; `to` left out: the one in force. */
    HttpApiEndpoint.get("diff", "/config/diff", {
      query: { from: Schema.String, to: Schema.optionalKey(Schema.String) },
      success: Schema.Struct({ from: Schema.String, to: Schema.String, changes: Schema.Array(Change) }),
      error: [NotFound, Rejected, Unavailable],
    }),
    /** JSON Schema (draft 2020-12) of the document. */
    HttpApiEndpoint.get("schema", "/config/schema", { success: Schema.Json }),
  )
  .prefix("/api")
  .annotateMerge(OpenApi.annotations({ title: "Configuration" })) {}
