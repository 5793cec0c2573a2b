/**
 * Who may call: keys that are shown once, kept as SHA-256, limited to models where somebody wants that, and refused at once when they are
 * revoked. They are no part of the configuration, so that no undo brings a revoked one back. Where their file cannot be understood, nobody
 * gets in by it: what was in force stays in force, and at a start that is nothing.
 */
import { Context, Effect, type FileSystem, Layer, type Path, type Redacted, Semaphore } from "effect"
import { type Digest, SecureRandom } from "effect/crypto"
import { EventBus } from "./EventBus.ts"
import type { FileLock } from "./FileLock.ts"
import type { Credential } from "./internal/Credential.ts"
import type { CredentialsError, CredentialsUnavailable } from "./internal/Credentials/CredentialsError.ts"
import { makeFile } from "./internal/Credentials/File.ts"
import { makeInForce } from "./internal/Credentials/InForce.ts"
import { type Change, changing, type KeyOptions } from "./internal/Credentials/Key.ts"

export { Credential, CredentialId, maxCredentials } from "./internal/Credential.ts"
export {
  CredentialExists,
  CredentialInvalid,
  CredentialsError,
  CredentialsFull,
  CredentialsUnavailable,
  CredentialsUnconfirmed,
  CredentialUnknown,
} from "./internal/Credentials/CredentialsError.ts"

/** The keys in force. A change may fail with `CredentialsUnavailable`, `CredentialsFull` and so on: see `CredentialsError`. */
export class Credentials extends Context.Service<
  Credentials,
  {
    /** Whose secret it is, or `undefined`. Synchronous: every request asks. Texts of more than 256 characters are nobody's. */
    readonly authenticate: (secret: string) => Credential | undefined
    /** Those in force, the oldest first. */
    readonly list: Effect.Effect<ReadonlyArray<Credential>>
    /** Makes a key. Its secret, 256 random bits, is in this answer and nowhere else. */
    readonly add: (
      options: KeyOptions,
    ) => Effect.Effect<{ readonly credential: Credential; readonly secret: Redacted.Redacted }, CredentialsError>
    /** It is refused when the effect returns; `CredentialUnknown` where there is none. */
    readonly revoke: (id: string) => Effect.Effect<void, CredentialsError>
    /** Why those in force are not those that are kept; `undefined` while all is well. */
    readonly problem: Effect.Effect<CredentialsUnavailable | undefined>
  }
>()("@signalbox/core/Credentials") {
  /**
   * Those in the file at `path` (`Credentials/KeyFile.ts` says what stands there; 0600; at most 16 MiB), shared with other processes: what they
   * change is in force, and published, within two seconds. A file that is not there is one without keys.
   */
  static readonly layerAt = (
    path: string,
  ): Layer.Layer<Credentials, never, FileSystem.FileSystem | Path.Path | FileLock | Digest.Digest | EventBus> =>
    Layer.effect(
      Credentials,
      Effect.map(makeFile(path), (service) => Credentials.of(service)),
    ).pipe(Layer.provide(SecureRandom.layerWebCrypto))

  /** Its keys end with the process. */
  static readonly layerMemory: Layer.Layer<Credentials, never, EventBus> = Layer.effect(
    Credentials,
    Effect.suspend(() => makeMemory),
  ).pipe(Layer.provide(SecureRandom.layerWebCrypto))
}

const makeMemory = Effect.gen(function* () {
  const random = yield* SecureRandom.SecureRandom
  const inForce = makeInForce(yield* EventBus)
  const turn = Semaphore.makeUnsafe(1)
  const change: Change = (f) =>
    turn.withPermit(Effect.suspend(() => Effect.flatMap(f(inForce.kepts()), (kepts) => inForce.adopt(kepts))))
  return Credentials.of({
    ...changing(random, change),
    authenticate: inForce.authenticate,
    list: inForce.list,
    problem: Effect.undefined,
  })
})
