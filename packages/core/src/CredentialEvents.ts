/** Events about the credentials of callers. They name the credential and hold neither its secret nor a hash of it. */
import { Schema } from "effect"
import * as Event from "./Event.ts"

const credential = {
  id: Schema.String,
  /** `key` */
  kind: Schema.String,
  label: Schema.String,
}

/** The credential may be used from now on. */
export class CredentialAdded extends Event.Class<CredentialAdded>()("credential.added", credential) {}

/** The label, the secret or the permitted models of the credential have changed. */
export class CredentialChanged extends Event.Class<CredentialChanged>()("credential.changed", credential) {}

/** The credential is refused from now on. */
export class CredentialRevoked extends Event.Class<CredentialRevoked>()("credential.revoked", credential) {}
