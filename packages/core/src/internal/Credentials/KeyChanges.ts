/** Adds and revokes keys, wherever they are stored. */
import { Clock, Effect, Redacted, Result, Schema, SchemaIssue } from "effect"
import type { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { nearNames } from "../../NearNames.ts"
import {
  type Credential,
  CredentialId,
  CredentialLabel,
  CredentialModels,
  everyModel,
  maxCredentials,
} from "../Credential.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import {
  CredentialExists,
  CredentialInvalid,
  CredentialsError,
  CredentialsFull,
  CredentialUnknown,
} from "./CredentialsError.ts"
import type { StoredKey, StoredKeys } from "./KeyTable.ts"
import { sha256 } from "./Sha256.ts"

export interface KeyOptions {
  /** A `CredentialId`. */
  readonly id: string
  /** At most 200 characters. Default: empty. */
  readonly label?: string
  /** At most 1,000 aliases. Default: every model. */
  readonly models?: ReadonlyArray<string>
}

/** Changes the stored keys. The change is in force when the effect returns. */
export type Change = (
  f: (keys: StoredKeys) => Effect.Effect<StoredKeys, CredentialsError>,
) => Effect.Effect<void, CredentialsError>

/** The operations of `Credentials` that change keys. */
export const makeKeyOperations = (random: SecureRandom.SecureRandom["Service"], change: Change) => ({
  add: (options: KeyOptions) =>
    Effect.gen(function* () {
      const { key, secret } = yield* makeKey(random, options)
      yield* change((keys) => withKey(keys, key))
      return { credential: key.credential, secret }
    }).pipe(withOpaqueSpan("Credentials.add")),
  revoke: (id: string) =>
    Effect.withSpan(
      change((keys) => withoutKey(keys, id)),
      "Credentials.revoke",
    ),
})

/** Lets scanners for leaked secrets find keys. */
const prefix = "sk-signalbox-"
const secretBytes = 32

const makeKey = Effect.fnUntraced(function* (
  random: SecureRandom.SecureRandom["Service"],
  options: KeyOptions,
): Effect.fn.Return<{ readonly key: StoredKey; readonly secret: Redacted.Redacted }, CredentialsError> {
  const credential: Credential = {
    id: yield* checked("id", CredentialId, options.id),
    kind: "key",
    label: yield* checked("label", CredentialLabel, options.label ?? ""),
    models: [...(yield* checked("models", CredentialModels, options.models ?? [everyModel]))],
    createdAt: yield* Clock.currentTimeMillis,
  }
  const secret = prefix + Base64Url.encode(yield* random.randomBytes(secretBytes))
  return { key: { credential, sha256: sha256(secret) }, secret: Redacted.make(secret) }
})

const checked = <S extends Schema.ConstraintDecoder<unknown>>(
  field: CredentialInvalid["field"],
  schema: S,
  value: S["Type"],
): Effect.Effect<S["Type"], CredentialsError> => {
  const result = Schema.decodeUnknownResult(schema)(value)
  if (Result.isSuccess(result)) return Effect.succeed(result.success)
  const [issue] = SchemaIssue.makeFormatterStandardSchemaV1()(result.failure.issue).issues
  return fail(new CredentialInvalid({ field, detail: issue?.message ?? "is not acceptable" }))
}

const withKey = (keys: StoredKeys, key: StoredKey): Effect.Effect<StoredKeys, CredentialsError> => {
  const { id } = key.credential
  if (keys.has(id)) return fail(new CredentialExists({ id }))
  if (keys.size >= maxCredentials) return fail(new CredentialsFull({ limit: maxCredentials }))
  return Effect.succeed(new Map(keys).set(id, key))
}

const withoutKey = (keys: StoredKeys, id: string): Effect.Effect<StoredKeys, CredentialsError> => {
  if (!keys.has(id)) return fail(new CredentialUnknown({ id, near: nearNames(id, keys.keys()) }))
  const left = new Map(keys)
  left.delete(id)
  return Effect.succeed(left)
}

const fail = (reason: CredentialsError["reason"]): Effect.Effect<never, CredentialsError> =>
  Effect.fail(new CredentialsError({ reason }))
