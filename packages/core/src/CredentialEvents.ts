/** What happens to the credentials of callers: which, of what kind, how people call it. Never a secret, nor its hash. */
import { Schema } from "effect"
import * as Event from "./Event.ts"

const credential = {
  id: Schema.String,
  /** `key` */
  kind: Schema.String,
  label: Schema.String,
}

/** It may be used from now on. */
export class CredentialAdded extends Event.Class<CredentialAdded>()("credential.added", credential) {}

/** Its label, its secret or what it may be used for is another one now. */
export class CredentialChanged extends Event.Class<CredentialChanged>()("credential.changed", credential) {}

/** It is refused from now on. */
export class CredentialRevoked extends Event.Class<CredentialRevoked>()("credential.revoked", credential) {}
