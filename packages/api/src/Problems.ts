/**
 * Every error that the admin API answers with, as RFC 9457 problem details: what happened, to what, and what to do now in `detail`, and the
 * same as data for programs. `type` is a URN that never changes; clients tell problems apart by it.
 */
import { Problem } from "@signalbox/core/ConfigError"
import { Schema } from "effect"
import { HttpApiError } from "effect/http-api"

const urn = <const Name extends string>(name: Name): `urn:signalbox:problem:${Name}` => `urn:signalbox:problem:${name}`

/** No token, or a wrong one. */
export class Unauthorized extends HttpApiError.Problem<Unauthorized>()("Unauthorized", {
  type: urn("unauthorized"),
  status: 401,
  title: "The request does not carry the token of this host",
}) {}

/** The document is refused, or the edit makes none that would be accepted. */
export class Rejected extends HttpApiError.Problem<Rejected>()(
  "Rejected",
  { type: urn("rejected"), status: 422, title: "The configuration is refused" },
  { problems: Schema.Array(Problem) },
) {}

/** `If-Match` names another document than the one that stands there. */
export class Stale extends HttpApiError.Problem<Stale>()(
  "Stale",
  { type: urn("stale"), status: 412, title: "The document has changed since it was read" },
  { expected: Schema.String, actual: Schema.String },
) {}

/** Somebody else was quicker, or there is nothing to go back to: no earlier document, or only secrets that are not kept. `actual`: the hash that stands there. */
export class Conflict extends HttpApiError.Problem<Conflict>()(
  "Conflict",
  { type: urn("conflict"), status: 409, title: "The change does not fit what stands there now" },
  { actual: Schema.optionalKey(Schema.String) },
) {}

/** The change is in force, but the disk has not confirmed it. */
export class Unconfirmed extends HttpApiError.Problem<Unconfirmed>()(
  "Unconfirmed",
  { type: urn("unconfirmed"), status: 500, title: "The change is in force, but the disk has not confirmed it" },
  { path: Schema.String },
) {}

/** The place of the document, the ledger or the credentials cannot be read or written. `code` is `ENOENT`, `EACCES`, `EROFS` … */
export class Unavailable extends HttpApiError.Problem<Unavailable>()(
  "Unavailable",
  { type: urn("unavailable"), status: 503, title: "The files of this host cannot be read or written" },
  { code: Schema.String, path: Schema.String },
) {}

/** The disk is full, or this user's part of it (`ENOSPC`, `EDQUOT`). */
export class StorageFull extends HttpApiError.Problem<StorageFull>()(
  "StorageFull",
  { type: urn("storage-full"), status: 507, title: "There is no room on the disk" },
  { code: Schema.String, path: Schema.String },
) {}

/** Too many changes wait, or another process holds the lock. */
export class Busy extends HttpApiError.Problem<Busy>()("Busy", {
  type: urn("busy"),
  status: 503,
  title: "The host is busy with other changes",
}) {}

/** There is no such path, revision, document or key. */
export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: urn("not-found"),
  status: 404,
  title: "There is no such thing",
}) {}

/** What was sent is not what it is meant to be: no JSON, another shape, no cursor, no path, no id. Never quotes it. */
export class Invalid extends HttpApiError.Problem<Invalid>()(
  "Invalid",
  { type: urn("invalid"), status: 400, title: "The request cannot be understood" },
  {
    /** Where the request differs from the contract, at most 32 places; `path` begins with `payload`, `query`, `params` or `headers`. */
    errors: Schema.optionalKey(Schema.Array(HttpApiError.ProblemIssue)),
  },
) {}

/** The request comes from a page of another site, or under a name that is not this host's: see DNS rebinding. */
export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: urn("forbidden"),
  status: 403,
  title: "This host does not answer requests that come from elsewhere",
}) {}

/** The path is right, the method is not; `Allow` says which are. */
export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()(
  "MethodNotAllowed",
  { type: urn("method-not-allowed"), status: 405, title: "The path does not know this method" },
  { allowed: Schema.Array(Schema.String) },
) {}

/** The body is larger than the host reads. */
export class TooLarge extends HttpApiError.Problem<TooLarge>()(
  "TooLarge",
  { type: urn("too-large"), status: 413, title: "The request is too large" },
  { maxBytes: Schema.Int },
) {}

/** The body is of another content type than JSON. */
export class UnsupportedMedia extends HttpApiError.Problem<UnsupportedMedia>()("UnsupportedMedia", {
  type: urn("unsupported-media"),
  status: 415,
  title: "The body is of a type that is not read here",
}) {}

/** A defect of the host. What it was stands in the host's log and not here. */
export class Internal extends HttpApiError.Problem<Internal>()("Internal", {
  type: urn("internal"),
  status: 500,
  title: "The host has failed on this request",
}) {}

/** More event streams are open than the host allows. */
export class TooManyStreams extends HttpApiError.Problem<TooManyStreams>()("TooManyStreams", {
  type: urn("too-many-streams"),
  status: 503,
  title: "Too many event streams are open",
}) {}

/** What every request can answer, whatever it asks for. */
export const RequestProblems = [Invalid, Forbidden, TooLarge, UnsupportedMedia, Internal] as const

/** What changing the configuration can answer. */
export const ConfigProblems = [Rejected, Stale, Conflict, Unconfirmed, Unavailable, StorageFull, Busy] as const
