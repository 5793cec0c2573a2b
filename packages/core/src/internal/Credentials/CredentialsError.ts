/** Everything that changing credentials can answer, as data and as one sentence that says what to do. No secret, no hash. */
import { Schema } from "effect"
import { didYouMean } from "../../NearNames.ts"

/** There is a credential of this id. */
export class CredentialExists extends Schema.TaggedClass<CredentialExists>()("CredentialExists", {
  id: Schema.String,
}) {}

/** There is none of this id; `near` are ids that somebody may have meant. */
export class CredentialUnknown extends Schema.TaggedClass<CredentialUnknown>()("CredentialUnknown", {
  id: Schema.String,
  near: Schema.Array(Schema.String),
}) {}

/** What was asked for is beyond a bound. `field` is `id`, `label` or `models`. */
export class CredentialInvalid extends Schema.TaggedClass<CredentialInvalid>()("CredentialInvalid", {
  field: Schema.Literals(["id", "label", "models"]),
  detail: Schema.String,
}) {}

/** As many as there may be. */
export class CredentialsFull extends Schema.TaggedClass<CredentialsFull>()("CredentialsFull", { limit: Schema.Int }) {}

/** Where they are kept cannot be read, written or locked. `code` is `EACCES`, `ENOSPC`, `EINVAL` (not what it should be), `EBUSY` (locked) … */
export class CredentialsUnavailable extends Schema.TaggedClass<CredentialsUnavailable>()("CredentialsUnavailable", {
  path: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {
  get message(): string {
    return `The keys in ${this.path} are not available (${this.code}: ${this.detail}). ${remedy(this.code)}`
  }
}

/** The change is written and in force, but may not survive a power cut. */
export class CredentialsUnconfirmed extends Schema.TaggedClass<CredentialsUnconfirmed>()("CredentialsUnconfirmed", {
  path: Schema.String,
}) {}

export type CredentialsReason =
  | CredentialExists
  | CredentialUnknown
  | CredentialInvalid
  | CredentialsFull
  | CredentialsUnavailable
  | CredentialsUnconfirmed

export class CredentialsError extends Schema.TaggedError<CredentialsError>()("CredentialsError", {
  reason: Schema.Union([
    CredentialExists,
    CredentialUnknown,
    CredentialInvalid,
    CredentialsFull,
    CredentialsUnavailable,
    CredentialsUnconfirmed,
  ]),
}) {
  /** What happened, to what, and what to do now. */
  override get message(): string {
    return describe(this.reason)
  }
}

const describe = (reason: CredentialsReason): string => {
  switch (reason._tag) {
    case "CredentialExists":
      return `There is a key ${quoted(reason.id)} already; its secret is not shown again. Choose another id, or revoke that key first.`
    case "CredentialUnknown":
      return `There is no key ${quoted(reason.id)}${didYouMean(reason.near)}; nothing was revoked. List the keys to see which there are.`
    case "CredentialInvalid":
      return `The key was not added: its ${reason.field} ${reason.detail}.`
    case "CredentialsFull":
      return `The key was not added: there are ${reason.limit} keys, as many as there may be. Revoke those that nobody uses.`
    case "CredentialsUnavailable":
      return `Nothing was changed. ${reason.message}`
    case "CredentialsUnconfirmed":
      return `The keys are changed and written to ${reason.path}, but the disk did not confirm it: a power cut may undo the change. Check the disk and list the keys; revoke and add again a key whose secret you have not been shown.`
  }
}

/** An id that nobody checked may be of any length. */
const quoted = (id: string): string => JSON.stringify(id.length > 64 ? `${id.slice(0, 64)}…` : id)

const remedy = (code: string): string => {
  switch (code) {
    case "EBUSY":
      return "Try again in a moment."
    case "EACCES":
    case "EPERM":
      return "Give this program's user the right to read and write the file and its directory."
    case "EROFS":
      return "Make the file system writable."
    case "ENOSPC":
    case "EDQUOT":
      return "Free some space on that disk, then try again."
    case "EINVAL":
    case "EILSEQ":
    case "EFBIG":
      return "Correct the file or put a good copy there; it is not overwritten."
    case "ENOENT":
      return "Put the file back; to revoke all keys write one without any."
    default:
      return "Check the disk and the path, then try again."
  }
}
