/** The failures of changes to credentials, as data and as sentences that name a remedy. They hold no secret and no hash. */
import { Schema } from "effect"
import { didYouMean } from "../../NearNames.ts"

/** A credential with this id exists. */
export class CredentialExists extends Schema.TaggedClass<CredentialExists>()("CredentialExists", {
  id: Schema.String,
}) {}

/** No credential has this id; `near` are similar ids. */
export class CredentialUnknown extends Schema.TaggedClass<CredentialUnknown>()("CredentialUnknown", {
  id: Schema.String,
  near: Schema.Array(Schema.String),
}) {}

/** An option exceeds its bound. `field` is `id`, `label` or `models`. */
export class CredentialInvalid extends Schema.TaggedClass<CredentialInvalid>()("CredentialInvalid", {
  field: Schema.Literals(["id", "label", "models"]),
  detail: Schema.String,
}) {}

/** The maximum number of credentials exists. */
export class CredentialsFull extends Schema.TaggedClass<CredentialsFull>()("CredentialsFull", { limit: Schema.Int }) {}

/** The storage cannot be read, written or locked. `code` is `EACCES`, `ENOSPC`, `EINVAL` (no valid key file), `EBUSY` (locked) … */
export class CredentialsUnavailable extends Schema.TaggedClass<CredentialsUnavailable>()("CredentialsUnavailable", {
  path: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {
  get message(): string {
    return `The keys in ${this.path} are not available (${this.code}: ${this.detail}). ${remedy(this.code)}`
  }
}

/** The change is in force and written, but a power cut may undo it. */
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
  /** The failure, its subject and the remedy. */
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
      return `The key was not added: there are ${reason.limit} keys, which is the maximum. Revoke keys that are no longer used.`
    case "CredentialsUnavailable":
      return `Nothing was changed. ${reason.message}`
    case "CredentialsUnconfirmed":
      return `The keys are changed and written to ${reason.path}, but the disk did not confirm it: a power cut may undo the change. Check the disk and list the keys; revoke and add again a key whose secret you have not been shown.`
  }
}

/** An unchecked id may be of any length. */
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
