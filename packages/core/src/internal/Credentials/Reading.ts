/** What stands in the file: keys, nothing at all, or something that nobody can use. */
import { Effect, Option, Result } from "effect"
import { type Found, readText } from "../Files.ts"
import type { Site } from "../Site.ts"
import { CredentialsUnavailable } from "./CredentialsError.ts"
import { type KeyText, readKeys } from "./KeyFile.ts"

export interface Stands extends KeyText {
  readonly info: Found["info"]
}

/** `none` where there is no file. */
export const readStanding = Effect.fnUntraced(function* (
  site: Site,
  real: string,
): Effect.fn.Return<Option.Option<Stands>, CredentialsUnavailable> {
  const found = yield* Effect.result(readText(site, real))
  if (Result.isFailure(found)) {
    const { code, detail } = found.failure
    return code === "ENOENT" ? Option.none() : yield* Effect.fail(toUnavailable(site)({ code, detail }))
  }
  const { info, text } = found.success
  const keys = readKeys(site.name, text)
  if (Result.isFailure(keys)) return yield* Effect.fail(toUnavailable(site)({ code: "EINVAL", detail: keys.failure }))
  return Option.some({ ...keys.success, info })
})

/** There was a file when the keys in force were read, and it is gone: a mistake that must not revoke them all. */
export const gone = (site: Site): CredentialsUnavailable =>
  new CredentialsUnavailable({ path: site.name, code: "ENOENT", detail: "the file is gone" })

export const toUnavailable =
  ({ name }: Site) =>
  ({ code, detail }: { readonly code: string; readonly detail: string }): CredentialsUnavailable =>
    new CredentialsUnavailable({ path: name, code, detail })
