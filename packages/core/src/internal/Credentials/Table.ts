/** Credentials by id and by the SHA-256 of their secrets: immutable, looked up by every request. */
import { CredentialAdded, CredentialChanged, CredentialRevoked } from "../../CredentialEvents.ts"
import type { Credential } from "../Credential.ts"
import { sha256 } from "./Sha256.ts"

/** A credential and what its secret is known by. */
export interface Kept {
  readonly credential: Credential
  /** 64 lower-case hex digits. */
  readonly sha256: string
}

export type Kepts = ReadonlyMap<string, Kept>

/** Longer ones are nobody's: ours have 56 characters, and a stranger must not make us hash megabytes. */
const maxSecretLength = 256

export interface Table {
  readonly kepts: Kepts
  readonly authenticate: (secret: string) => Credential | undefined
}

/**
 * How long a look-up takes tells something about the hash of what was tried, and nothing about the secret: who finds another text of a hash
 * that begins alike is no nearer to it.
 */
export const tableOf = (kepts: Kepts): Table => {
  const byHash = new Map(Array.from(kepts.values(), ({ credential, sha256 }) => [sha256, credential]))
  return {
    kepts,
    authenticate: (secret) =>
      secret.length === 0 || secret.length > maxSecretLength ? undefined : byHash.get(sha256(secret)),
  }
}

type CredentialEvent = CredentialAdded | CredentialChanged | CredentialRevoked

/** What happened between the two: revocations first. A new secret is a change as well. */
export const differences = (before: Kepts, after: Kepts): ReadonlyArray<CredentialEvent> => {
  const revoked = [...before.values()].filter(({ credential }) => !after.has(credential.id))
  const others = [...after.values()].flatMap((kept): ReadonlyArray<CredentialEvent> => {
    const known = before.get(kept.credential.id)
    if (known === undefined) return [new CredentialAdded(named(kept))]
    return isSame(known, kept) ? [] : [new CredentialChanged(named(kept))]
  })
  return [...revoked.map((kept) => new CredentialRevoked(named(kept))), ...others]
}

const named = ({ credential: { id, kind, label } }: Kept) => ({ id, kind, label })

const isSame = (a: Kept, b: Kept): boolean =>
  a.sha256 === b.sha256 &&
  a.credential.label === b.credential.label &&
  a.credential.models.length === b.credential.models.length &&
  a.credential.models.every((model, index) => model === b.credential.models[index])
