/**
 * The admin token in a file of mode 0600; its reader may do everything. The first start makes it, 256 random bits in base64url, and later
 * starts keep it. A file without a token is replaced, which is logged. The token is in no log line and no error.
 */
import * as AtomicFile from "@signalbox/core/AtomicFile"
import { FileLock } from "@signalbox/core/FileLock"
import * as FileTrust from "@signalbox/core/FileTrust"
import { ByteSize, Effect, FileSystem, Layer, Path, type PlatformError, Redacted, Schema } from "effect"
import { SecureRandom } from "effect/crypto"
import { Base64Url } from "effect/encoding"
import { AdminToken } from "./AdminToken.ts"
import { tokenIn } from "./TokenText.ts"

/** There is no file: no host has started there yet. */
export class TokenMissing extends Schema.TaggedClass<TokenMissing>()("TokenMissing", { path: Schema.String }) {}

/** The file holds no token: it is empty, cut off, or something else. */
export class TokenUnusable extends Schema.TaggedClass<TokenUnusable>()("TokenUnusable", { path: Schema.String }) {}

/** The file cannot be read, written or locked. `code` is `EACCES`, `ENOSPC`, `EBUSY` … */
export class TokenUnavailable extends Schema.TaggedClass<TokenUnavailable>()("TokenUnavailable", {
  path: Schema.String,
  code: Schema.String,
  detail: Schema.String,
}) {}

/** There is no token. The error never holds one. */
export class TokenError extends Schema.TaggedError<TokenError>()("TokenError", {
  reason: Schema.Union([TokenMissing, TokenUnusable, TokenUnavailable]),
}) {
  /** The failure, its subject and the remedy. */
  override get message(): string {
    return describe(this.reason)
  }
}

const describe = (reason: TokenError["reason"]): string => {
  switch (reason._tag) {
    case "TokenMissing":
      return `There is no admin token at ${reason.path}: a host makes one when it starts. Run \`signalbox serve\`, or name the document of the host that you mean with --config.`
    case "TokenUnusable":
      return `${reason.path} holds no admin token: start the host again, which puts a new one there.`
    case "TokenUnavailable":
      return `The admin token at ${reason.path} is not available (${reason.code}: ${reason.detail}). ${remedy(reason.code)}`
  }
}

/** Reads the token, for clients of a running host. Creates and changes nothing. */
export const readToken = (
  path: string,
): Effect.Effect<Redacted.Redacted, TokenError, FileSystem.FileSystem | Path.Path> =>
  Effect.map(read(path), ({ token }) => token)

/** Reads the token or makes a new one, for the host. Two hosts that start at once get the same token. */
export const ensureToken = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<
  Redacted.Redacted,
  TokenError,
  FileSystem.FileSystem | Path.Path | FileLock | SecureRandom.SecureRandom
> {
  const found = yield* Effect.result(read(path))
  const usable = found._tag === "Success" ? found.success : yield* replace(path, found.failure)
  yield* tighten(path, usable.mode)
  return usable.token
})

/** Provides the host's `AdminToken` from the file at `path`. */
export const layerAt = (
  path: string,
): Layer.Layer<AdminToken, TokenError, FileSystem.FileSystem | Path.Path | FileLock> =>
  Layer.unwrap(Effect.map(ensureToken(path), AdminToken.layer)).pipe(Layer.provide(SecureRandom.layerWebCrypto))

interface Found {
  readonly token: Redacted.Redacted
  readonly mode: number
}

/** A token has 43 bytes, and an editor may have added a newline. */
const maxBytes = 64

const read = Effect.fnUntraced(function* (
  path: string,
): Effect.fn.Return<Found, TokenError, FileSystem.FileSystem | Path.Path> {
  const fs = yield* FileSystem.FileSystem
  const failed = Effect.mapError((error: PlatformError.PlatformError) =>
    AtomicFile.errorCode(error) === "ENOENT" ? fail(new TokenMissing({ path })) : unavailable(path, error),
  )
  const foreign = yield* failed((yield* FileTrust.make)(path))
  if (foreign !== undefined) return yield* fail(new TokenUnavailable({ path, code: "EPERM", detail: foreign }))
  // Before opening: opening a FIFO would wait for a writer.
  const { mode, size, type } = yield* failed(fs.stat(path))
  if (type !== "File" || Number(ByteSize.toBigInt(size)) > maxBytes) {
    return yield* fail(new TokenUnusable({ path }))
  }
  const token = tokenIn(yield* failed(fs.readFileString(path)))
  if (token === undefined) return yield* fail(new TokenUnusable({ path }))
  return { token: Redacted.make(token), mode }
})

/** Under a lock, so that of several processes one makes the token and the others find it. */
const replace = Effect.fnUntraced(function* (path: string, why: TokenError) {
  if (why.reason._tag === "TokenUnavailable") return yield* why
  const { dirname } = yield* Path.Path
  const lock = yield* FileLock
  const random = yield* SecureRandom.SecureRandom
  const files = yield* AtomicFile.make
  const failed = Effect.mapError((error: PlatformError.PlatformError) => unavailable(path, error))
  const make = Effect.gen(function* () {
    const again = yield* Effect.result(read(path))
    if (again._tag === "Success") return again.success
    if (again.failure.reason._tag === "TokenUnusable") {
      yield* Effect.logWarning(
        `${path} held no admin token and gets a new one: programs that use an old one must read it again`,
      )
    }
    yield* files.sweep(path)
    yield* failed(files.write(path, `${Base64Url.encode(yield* random.randomBytes(32))}\n`))
    return yield* read(path)
  })
  return yield* failed(files.makeDirectory(dirname(path))).pipe(
    Effect.andThen(lock.withLock(`${path}.lock`)(Effect.uninterruptible(make))),
    Effect.catchTag("FileLockError", ({ message, reason }) =>
      fail(
        reason._tag === "LockTimedOut"
          ? new TokenUnavailable({ path, code: "EBUSY", detail: reason.situation })
          : new TokenUnavailable({ path, code: "ENOLCK", detail: message }),
      ),
    ),
  )
})

const tighten = Effect.fnUntraced(function* (path: string, mode: number) {
  if ((mode & 0o077) === 0) return
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.chmod(path, 0o600), (error) => unavailable(path, error))
  yield* Effect.logWarning(
    `${path} was open to others (mode ${(mode & 0o7777).toString(8).padStart(4, "0")}) and is 0600 now: if another user may have read it, remove it and start the host again`,
  )
})

const fail = (reason: TokenError["reason"]): TokenError => new TokenError({ reason })

const unavailable = (path: string, error: PlatformError.PlatformError): TokenError =>
  fail(new TokenUnavailable({ path, code: AtomicFile.errorCode(error), detail: AtomicFile.errorDetail(error) }))

const remedy = (code: string): string => {
  switch (code) {
    case "EACCES":
    case "EPERM":
      return "Only the user who runs the host may use it: run this as that user, or give the file to this one."
    case "ENOSPC":
    case "EDQUOT":
      return "Free some space on that disk, then try again."
    case "EBUSY":
      return "Try again in a moment."
    default:
      return "Check the disk and the path, then try again."
  }
}
