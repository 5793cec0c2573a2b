/**
 * The keys of callers: shown once, stored as SHA-256, limited to models on request, and refused as soon as they are revoked. They are not part of the
 * configuration, so that an undo cannot bring a revoked key back. If their file cannot be understood, the active keys stay; at a start that means none.
 */
import { Context, Effect, type FileSystem, Layer, type Path, type Redacted, Semaphore } from "effect"
import { type Digest, SecureRandom } from "effect/crypto"
import { EventBus } from "./EventBus.ts"
import type { FileLock } from "./FileLock.ts"
import type { Credential } from "./internal/Credential.ts"
import { makeActiveKeys } from "./internal/Credentials/ActiveKeys.ts"
import type { CredentialsError, CredentialsUnavailable } from "./internal/Credentials/CredentialsError.ts"
import { type Change, type KeyOptions, makeKeyOperations } from "./internal/Credentials/KeyChanges.ts"
import { makeKeyFile } from "./internal/Credentials/KeyFile.ts"

export { Credential, CredentialId, CredentialLabel, CredentialModels, maxCredentials } from "./internal/Credential.ts"
export {
  CredentialExists,
  CredentialInvalid,
  CredentialsError,
  CredentialsFull,
  CredentialsUnavailable,
  CredentialsUnconfirmed,
  CredentialUnknown,
} from "./internal/Credentials/CredentialsError.ts"

/**
 * The active keys and the changes to them.
 *
 * **Example** (Adding, checking and revoking a key)
 *
 * ```ts
 * import { Credentials, EventBus } from "@signalbox/core"
 * import { Effect, Layer, Redacted } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const keys = yield* Credentials
 *   const { secret } = yield* keys.add({ id: "builds", models: ["fast"] })
 *   const caller = keys.authenticate(Redacted.value(secret))
 *   yield* keys.revoke("builds")
 *   return [caller?.id, keys.authenticate(Redacted.value(secret))]
 * })
 *
 * const memory = Layer.provide(Credentials.layerMemory, EventBus.layer)
 * const [before, after] = await Effect.runPromise(Effect.provide(program, memory))
 * if (before !== "builds" || after !== undefined) throw new Error("the key was not checked")
 * ```
 */
export class Credentials extends Context.Service<
  Credentials,
  {
    /** Returns the credential of this secret. Synchronous, because every request asks. Texts of more than 256 characters match none. */
    readonly authenticate: (secret: string) => Credential | undefined
    /** The active credentials, the oldest first. */
    readonly list: Effect.Effect<ReadonlyArray<Credential>>
    /** Makes a key. Its secret, 256 random bits, is in this result and nowhere else. */
    readonly add: (
      options: KeyOptions,
    ) => Effect.Effect<{ readonly credential: Credential; readonly secret: Redacted.Redacted }, CredentialsError>
    /** Revokes a key, which is refused when the effect returns. Fails with `CredentialUnknown` if there is none. */
    readonly revoke: (id: string) => Effect.Effect<void, CredentialsError>
    /** Why the active keys are not the stored ones; `undefined` while they are. */
    readonly problem: Effect.Effect<CredentialsUnavailable | undefined>
  }
>()("@signalbox/core/Credentials") {
  /**
   * Keys in the file at `path` (mode 0600, at most 16 MiB), shared with other processes. Their changes are active here, and published, within two
   * seconds. A missing file is a file without keys. `internal/Credentials/KeyDocument.ts` describes the format.
   */
  static readonly layerAt = (
    path: string,
  ): Layer.Layer<Credentials, never, FileSystem.FileSystem | Path.Path | FileLock | Digest.Digest | EventBus> =>
    Layer.effect(
      Credentials,
      Effect.map(makeKeyFile(path), (service) => Credentials.of(service)),
    ).pipe(Layer.provide(SecureRandom.layerWebCrypto))

  /** Keys that end with the process. */
  static readonly layerMemory: Layer.Layer<Credentials, never, EventBus> = Layer.effect(
    Credentials,
    Effect.suspend(() => makeMemory),
  ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
}

const makeMemory = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const active = makeActiveKeys(yield* EventBus)
  const turn = Semaphore.makeUnsafe(1)
  const change: Change = (f) =>
    turn.withPermit(Effect.suspend(() => Effect.flatMap(f(active.keys()), (keys) => active.replace(keys))))
  return Credentials.of({
    ...makeKeyOperations(random, change),
    authenticate: active.authenticate,
    list: active.list,
    problem: Effect.undefined,
  })
})
