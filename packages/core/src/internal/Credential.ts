/** The schema of a credential and the bounds of its parts. */
import { Schema } from "effect"
import { visibleText } from "./VisibleName.ts"

/** The name of a credential in `allowed_keys` of a model, in the ledger and in events: 1 to 64 letters, digits, `.`, `_`, `-`. */
export const CredentialId = Schema.String.check(
  Schema.isPattern(/^[A-Za-z0-9][\w.-]{0,63}$/, {
    message: "must have 1 to 64 letters, digits, `.`, `_` or `-`, and begin with a letter or a digit",
  }),
)

/** A description for people: 0 to 200 characters on one line. */
export const CredentialLabel = visibleText(
  0,
  200,
  "must have at most 200 visible characters, and no space at either end",
)

/** The aliases that a credential may use, 0 to 1,000. `*` is every model. */
export const CredentialModels = Schema.Array(
  visibleText(1, 200, "must have 1 to 200 visible characters, and no space at either end"),
).check(Schema.isMaxLength(1_000, { message: "must name at most 1000 models: `*` is all of them" }))

export const everyModel = "*"

/** The maximum number of credentials. */
export const maxCredentials = 10_000

/** A caller's credential, without its secret. */
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
