/** Changes the key file: one writer at a time across processes, the old keys or the new ones, never a torn file. */
import { Effect, Option, Result } from "effect"
import { errorCode, errorDetail } from "../../AtomicFile.ts"
import type { FileLock } from "../../FileLock.ts"
import { makeDocumentLock } from "../DocumentLock.ts"
import { sameFile } from "../FileIdentity.ts"
import { followLinks, type LinkChain } from "../LinkChain.ts"
import type { ManagedFile } from "../ManagedFile.ts"
import { encodeText } from "../ReadText.ts"
import type { ActiveKeys } from "./ActiveKeys.ts"
import { CredentialsError, type CredentialsUnavailable, CredentialsUnconfirmed } from "./CredentialsError.ts"
import type { Change } from "./KeyChanges.ts"
import { emptyKeys, rewriteKeys } from "./KeyDocument.ts"
import { type KeyFileContent, missing, readKeyFile, toUnavailable } from "./ReadKeyFile.ts"

export const makeChange = (file: ManagedFile, active: ActiveKeys, lock: FileLock["Service"]): Change => {
  const { atomic, fs, path } = file
  const { underLock } = makeDocumentLock(file, lock)
  const failed = Effect.mapError(toUnavailable(file))
  const failedOnDisk = Effect.mapError((error: Parameters<typeof errorCode>[0]) =>
    toUnavailable(file)({ code: errorCode(error), detail: errorDetail(error) }),
  )

  /** `none`: an editor, which takes no lock, saved the file in the meantime; all starts again with the text that it saved. */
  const replace = Effect.fnUntraced(function* ({ real }: LinkChain, f: Parameters<Change>[0]) {
    yield* atomic.sweep(real)
    const found = yield* readKeyFile(file, real)
    if (Option.isNone(found) && active.keys().size > 0) return yield* Effect.fail(missing(file))
    const before = Option.getOrElse(found, () => emptyKeys)
    const after = yield* f(before.keys)
    const text = rewriteKeys(before.text, before.keys, after)
    // A text that was understood can be edited.
    if (Result.isFailure(text)) return yield* Effect.die(text.failure)
    const owner = Option.getOrUndefined(found)?.info
    const bytes = yield* failed(encodeText(file, real, text.success))
    const temporary = yield* failedOnDisk(atomic.prepare(real, bytes, { owner }))
    const discard = Effect.ignore(fs.remove(temporary, { force: true }))
    if (yield* hasMoved(file, real, found)) return yield* Effect.as(discard, Option.none())
    yield* Effect.onError(failedOnDisk(fs.rename(temporary, real)), () => discard)
    yield* active.replace(after)
    yield* Effect.mapError(
      atomic.syncDirectory(path.dirname(real)),
      () => new CredentialsUnconfirmed({ path: file.name }),
    )
    return Option.some<void>(undefined)
  })

  return (f) =>
    Effect.gen(function* () {
      const { real } = yield* failed(followLinks(file))
      yield* failedOnDisk(atomic.makeDirectory(path.dirname(real)))
      return yield* underLock((chain) => replace(chain, f))
    }).pipe(Effect.mapError((error) => toError(file, error)))
}

/** Checked just before the rename. An editor that takes no lock and saves in place within the next microseconds can still lose its text. */
const hasMoved = (file: ManagedFile, real: string, found: Option.Option<KeyFileContent>): Effect.Effect<boolean> =>
  Effect.match(file.fs.stat(real), {
    onSuccess: (info) => Option.isNone(found) || !sameFile(info, found.value.info),
    onFailure: (error) => errorCode(error) !== "ENOENT" || Option.isSome(found),
  })

type Failure =
  | CredentialsError
  | CredentialsUnavailable
  | CredentialsUnconfirmed
  | { readonly _tag: "Busy"; readonly detail: string }
  | { readonly _tag: "SourceUnavailable"; readonly code: string; readonly detail: string }

const toError = (file: ManagedFile, error: Failure): CredentialsError => {
  switch (error._tag) {
    case "CredentialsError":
      return error
    case "CredentialsUnavailable":
    case "CredentialsUnconfirmed":
      return new CredentialsError({ reason: error })
    case "Busy":
      return new CredentialsError({ reason: toUnavailable(file)({ code: "EBUSY", detail: error.detail }) })
    case "SourceUnavailable":
      return new CredentialsError({ reason: toUnavailable(file)(error) })
  }
}
