/**
 * Who may call: keys that are shown once, kept as SHA-256, limited to models where somebody wants that, and refused at once when they are
 * revoked. They are no part of the configuration, so that no undo brings a revoked one back.
 */
import { Context, type Effect, type Redacted, Schema } from "effect"

/** How a credential is called: in `allowed_keys` of a model, in the ledger, in events. 1 to 64 letters, digits, `.`, `_`, `-`. */
export const CredentialId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][\w.-]{0,63}$/, {
    message: "must have 1 to 64 letters, digits, `.`, `_` or `-`, and begin with a letter or a digit",
  }),
)

export const Credential = Schema.Struct({
  id: Schema.String,
  kind: Schema.Literal("key"),
  label: Schema.String,
  /** Aliases that it may use; `*` is every model. */
  models: Schema.Array(Schema.String),
  /** Milliseconds since 1970. */
  createdAt: Schema.Int,
})
export interface Credential extends Schema.Schema.Type<typeof Credential> {}

/** At most so many at a time. */
export const maxCredentials = 10_000

/** There is a credential of this id. */
export class CredentialExists extends Schema.TaggedClass<CredentialExists>()("CredentialExists", {
  id: Schema.String,
}) {}

/** There is none of this id; `near` are ids that somebody may have meant. */
export class CredentialUnknown extends Schema.TaggedClass<CredentialUnknown>()("CredentialUnknown", {
  id: Schema.String,
  near: Schema.Array(Schema.String),
}) {}

/** As many as there may be. */
export class CredentialsFull extends Schema.TaggedClass<CredentialsFull>()("CredentialsFull", { limit: Schema.Int }) {}

/** Where they are kept cannot be read, written or locked. `code` is `EACCES`, `ENOSPC`, `EINVAL` (not what it should be), `EBUSY` (locked) … */
export class CredentialsUnavailable extends Schema.TaggedClass<CredentialsUnavailable>()("CredentialsUnavailable", {
  path: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {}

export class CredentialsError extends Schema.TaggedError<CredentialsError>()("CredentialsError", {
  reason: Schema.Union([CredentialExists, CredentialUnknown, CredentialsFull, CredentialsUnavailable]),
}) {}

export class Credentials extends Context.Service<
  Credentials,
  {
    /** Whose secret it is, or `undefined`. Synchronous: every request asks. */
    readonly authenticate: (secret: string) => Credential | undefined
    readonly list: Effect.Effect<ReadonlyArray<Credential>>
    /** Makes a key. Its secret is in this answer and nowhere else. */
    readonly add: (options: {
      readonly id: string
      readonly label?: string
      readonly models?: ReadonlyArray<string>
    }) => Effect.Effect<{ readonly credential: Credential; readonly secret: Redacted.Redacted }, CredentialsError>
    /** In force when the effect returns. */
    readonly revoke: (id: string) => Effect.Effect<void, CredentialsError>
  }
>()("@signalbox/core/Credentials") {}
