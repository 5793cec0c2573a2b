/** Keys by id and by the SHA-256 of their secrets. Immutable; every request looks one up. */
import { CredentialAdded, CredentialChanged, CredentialRevoked } from "../../CredentialEvents.ts"
import type { Credential } from "../Credential.ts"
import { sha256 } from "./Sha256.ts"

/** A key as it is stored: without its secret. */
export interface StoredKey {
  readonly credential: Credential
  /** Of the secret, 64 lower-case hexadecimal digits. */
  readonly sha256: string
}

export type StoredKeys = ReadonlyMap<string, StoredKey>

/** Secrets have 56 characters. The bound keeps a stranger from making the host hash megabytes. */
const maxSecretLength = 256

export interface KeyTable {
  readonly keys: StoredKeys
  readonly authenticate: (secret: string) => Credential | undefined
}

/**
 * The time of a look-up reveals something about the hash of the text that was tried, and nothing about a secret: another text whose hash begins alike
 * is no step towards it.
 */
export const makeKeyTable = (keys: StoredKeys): KeyTable => {
  const byHash = new Map(Array.from(keys.values(), ({ credential, sha256 }) => [sha256, credential]))
  return {
    keys,
    authenticate: (secret) =>
      secret.length === 0 || secret.length > maxSecretLength ? undefined : byHash.get(sha256(secret)),
  }
}

type CredentialEvent = CredentialAdded | CredentialChanged | CredentialRevoked

/** The events that lead from one table to the other: revocations first. A new secret is a change as well. */
export const differences = (before: StoredKeys, after: StoredKeys): ReadonlyArray<CredentialEvent> => {
  const revoked = [...before.values()].filter(({ credential }) => !after.has(credential.id))
  const others = [...after.values()].flatMap((key): ReadonlyArray<CredentialEvent> => {
    const known = before.get(key.credential.id)
    if (known === undefined) return [new CredentialAdded(fieldsOf(key))]
    return isSame(known, key) ? [] : [new CredentialChanged(fieldsOf(key))]
  })
  return [...revoked.map((key) => new CredentialRevoked(fieldsOf(key))), ...others]
}

const fieldsOf = ({ credential: { id, kind, label } }: StoredKey) => ({ id, kind, label })

const isSame = (a: StoredKey, b: StoredKey): boolean =>
  a.sha256 === b.sha256 &&
  a.credential.label === b.credential.label &&
  a.credential.models.length === b.credential.models.length &&
  a.credential.models.every((model, index) => model === b.credential.models[index])
