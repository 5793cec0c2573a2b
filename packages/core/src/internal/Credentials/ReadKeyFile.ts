/** Reads the key file: keys, no file, or a text that is no key file. */
import { Effect, Option, Result } from "effect"
import { type ManagedFile, unavailable } from "../ManagedFile.ts"
import { readText, type TextFile } from "../ReadText.ts"
import { CredentialsUnavailable } from "./CredentialsError.ts"
import { type KeyDocument, readKeys } from "./KeyDocument.ts"

export interface KeyFileContent extends KeyDocument {
  readonly info: TextFile["info"]
}

/** `none` if there is no file. */
export const readKeyFile = Effect.fnUntraced(function* (
  file: ManagedFile,
  real: string,
): Effect.fn.Return<Option.Option<KeyFileContent>, CredentialsUnavailable> {
  const foreign = yield* Effect.mapError(file.distrust(file.name), (error) =>
    toUnavailable(file)(unavailable(file.name)(error)),
  )
  if (foreign !== undefined) return yield* Effect.fail(toUnavailable(file)({ code: "EPERM", detail: foreign }))
  const found = yield* Effect.result(readText(file, real))
  if (Result.isFailure(found)) {
    const { code, detail } = found.failure
    return code === "ENOENT" ? Option.none() : yield* Effect.fail(toUnavailable(file)({ code, detail }))
  }
  const { info, text } = found.success
  const keys = readKeys(file.name, text)
  if (Result.isFailure(keys)) return yield* Effect.fail(toUnavailable(file)({ code: "EINVAL", detail: keys.failure }))
  return Option.some({ ...keys.success, info })
})

/** The file with the active keys has disappeared: a mistake that must not revoke them all. */
export const missing = (file: ManagedFile): CredentialsUnavailable =>
  new CredentialsUnavailable({ path: file.name, code: "ENOENT", detail: "the file is gone" })

export const toUnavailable =
  ({ name }: ManagedFile) =>
  ({ code, detail }: { readonly code: string; readonly detail: string }): CredentialsUnavailable =>
    new CredentialsUnavailable({ path: name, code, detail })
