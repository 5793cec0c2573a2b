/** Making and taking away keys, wherever they are kept. */
import { Clock, Effect, Redacted, Result, Schema, SchemaIssue } from "effect"
import type { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { nearNames } from "../../NearNames.ts"
import { type Credential, CredentialId, everyModel, Label, Models, maxCredentials } from "../Credential.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import {
  CredentialExists,
  CredentialInvalid,
  CredentialsError,
  CredentialsFull,
  CredentialUnknown,
} from "./CredentialsError.ts"
import { sha256 } from "./Sha256.ts"
import type { Kept, Kepts } from "./Table.ts"

export interface KeyOptions {
  /** A `CredentialId`. */
  readonly id: string
  /** At most 200 characters; empty without it. */
  readonly label?: string
  /** At most 1,000 aliases; every model without it. */
  readonly models?: ReadonlyArray<string>
}

/** Changes what is kept; in force when the effect returns. */
export type Change = (
  f: (kepts: Kepts) => Effect.Effect<Kepts, CredentialsError>,
) => Effect.Effect<void, CredentialsError>

/** What changes keys, over `change`. */
export const changing = (random: SecureRandom.SecureRandom["Service"], change: Change) => ({
  add: (options: KeyOptions) =>
    Effect.gen(function* () {
      const { kept, secret } = yield* makeKey(random, options)
      yield* change((kepts) => withKey(kepts, kept))
      return { credential: kept.credential, secret }
    }).pipe(withOpaqueSpan("Credentials.add")),
  revoke: (id: string) =>
    Effect.withSpan(
      change((kepts) => withoutKey(kepts, id)),
      "Credentials.revoke",
    ),
})

/** Scanners for leaked secrets find keys by it. */
const prefix = "sk-signalbox-"
const secretBytes = 32

const makeKey = Effect.fnUntraced(function* (
  random: SecureRandom.SecureRandom["Service"],
  options: KeyOptions,
): Effect.fn.Return<{ readonly kept: Kept; readonly secret: Redacted.Redacted }, CredentialsError> {
  const credential: Credential = {
    id: yield* checked("id", CredentialId, options.id),
    kind: "key",
    label: yield* checked("label", Label, options.label ?? ""),
    models: [...(yield* checked("models", Models, options.models ?? [everyModel]))],
    createdAt: yield* Clock.currentTimeMillis,
  }
  const secret = prefix + Base64Url.encode(yield* random.randomBytes(secretBytes))
  return { kept: { credential, sha256: sha256(secret) }, secret: Redacted.make(secret) }
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

const withKey = (kepts: Kepts, kept: Kept): Effect.Effect<Kepts, CredentialsError> => {
  const { id } = kept.credential
  if (kepts.has(id)) return fail(new CredentialExists({ id }))
  if (kepts.size >= maxCredentials) return fail(new CredentialsFull({ limit: maxCredentials }))
  return Effect.succeed(new Map(kepts).set(id, kept))
}

const withoutKey = (kepts: Kepts, id: string): Effect.Effect<Kepts, CredentialsError> => {
  if (!kepts.has(id)) return fail(new CredentialUnknown({ id, near: nearNames(id, kepts.keys()) }))
  const left = new Map(kepts)
  left.delete(id)
  return Effect.succeed(left)
}

const fail = (reason: CredentialsError["reason"]): Effect.Effect<never, CredentialsError> =>
  Effect.fail(new CredentialsError({ reason }))
