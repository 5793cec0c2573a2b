/**
 * Every error of the admin API as RFC 9457 problem details. `detail` states what happened, to what, and what to do; fields contain the same
 * as data. `type` is a URN that never changes and identifies the problem.
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

/** The document or the edited document is refused. */
export class Rejected extends HttpApiError.Problem<Rejected>()(
  "Rejected",
  { type: urn("rejected"), status: 422, title: "The configuration is refused" },
  { problems: Schema.Array(Problem) },
) {}

/** `If-Match` names another document than the present one. */
export class Stale extends HttpApiError.Problem<Stale>()(
  "Stale",
  { type: urn("stale"), status: 412, title: "The document has changed since it was read" },
  { expected: Schema.String, actual: Schema.String },
) {}

/**
 * Another writer has changed the document, or there is nothing to restore: no earlier document, or a secret that is not kept. `actual` is the
 * present hash.
 */
export class Conflict extends HttpApiError.Problem<Conflict>()(
  "Conflict",
  { type: urn("conflict"), status: 409, title: "The change conflicts with the present state" },
  { actual: Schema.optionalKey(Schema.String) },
) {}

/** The change is in force, but the disk has not confirmed it. */
export class Unconfirmed extends HttpApiError.Problem<Unconfirmed>()(
  "Unconfirmed",
  { type: urn("unconfirmed"), status: 500, title: "The change is in force, but the disk has not confirmed it" },
  { path: Schema.String },
) {}

/** The files of the document, the ledger or the credentials cannot be read or written. `code` is `ENOENT`, `EACCES`, `EROFS` … */
export class Unavailable extends HttpApiError.Problem<Unavailable>()(
  "Unavailable",
  { type: urn("unavailable"), status: 503, title: "The files of this host cannot be read or written" },
  { code: Schema.String, path: Schema.String },
) {}

/** The disk or the user's quota is full (`ENOSPC`, `EDQUOT`). */
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

/** The path, revision, document or key does not exist. */
export class NotFound extends HttpApiError.Problem<NotFound>()("NotFound", {
  type: urn("not-found"),
  status: 404,
  title: "The resource does not exist",
}) {}

/** The request is not valid: its JSON, shape, cursor, path or id. The problem never quotes it. */
export class Invalid extends HttpApiError.Problem<Invalid>()(
  "Invalid",
  { type: urn("invalid"), status: 400, title: "The request cannot be understood" },
  {
    /** The differences from the contract, at most 32. `path` begins with `payload`, `query`, `params` or `headers`. */
    errors: Schema.optionalKey(Schema.Array(HttpApiError.ProblemIssue)),
  },
) {}

/** The request comes from a page of another site, or names another host (DNS rebinding). */
export class Forbidden extends HttpApiError.Problem<Forbidden>()("Forbidden", {
  type: urn("forbidden"),
  status: 403,
  title: "This host refuses requests from other sites",
}) {}

/** The path does not support the method. `Allow` lists the supported methods. */
export class MethodNotAllowed extends HttpApiError.Problem<MethodNotAllowed>()(
  "MethodNotAllowed",
  { type: urn("method-not-allowed"), status: 405, title: "The path does not support this method" },
  { allowed: Schema.Array(Schema.String) },
) {}

/** The body exceeds the bound of the host. */
export class TooLarge extends HttpApiError.Problem<TooLarge>()(
  "TooLarge",
  { type: urn("too-large"), status: 413, title: "The request is too large" },
  { maxBytes: Schema.Int },
) {}

/** The content type of the body is not JSON. */
export class UnsupportedMedia extends HttpApiError.Problem<UnsupportedMedia>()("UnsupportedMedia", {
  type: urn("unsupported-media"),
  status: 415,
  title: "The content type of the body is not supported",
}) {}

/** A defect of the host. Only the host's log contains the cause. */
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

/** The problems that every request can have. */
export const RequestProblems = [Invalid, Forbidden, TooLarge, UnsupportedMedia, Internal] as const

/** The problems of changes of the configuration. */
export const ConfigProblems = [Rejected, Stale, Conflict, Unconfirmed, Unavailable, StorageFull, Busy] as const
