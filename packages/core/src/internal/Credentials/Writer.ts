/** Changing the file: one writer at a time over all processes, old keys or new ones, never a torn file (P1). */
import { Effect, Option, Result } from "effect"
import type { FileLock } from "../../FileLock.ts"
import { makeExclusion } from "../Exclusion.ts"
import { makeDirectories, syncDirectory, writeTemporary } from "../Files.ts"
import { followLinks, type LinkChain } from "../LinkChain.ts"
import { isTemporary } from "../Names.ts"
import { sameFile } from "../Place.ts"
import { codeOf, type Site, unavailable } from "../Site.ts"
import { CredentialsError, type CredentialsUnavailable, CredentialsUnconfirmed } from "./CredentialsError.ts"
import type { InForce } from "./InForce.ts"
import type { Change } from "./Key.ts"
import { emptyKeys, rewriteKeys } from "./KeyFile.ts"
import { gone, readStanding, type Stands, toUnavailable } from "./Reading.ts"

/** Changes what stands in the file. */
export const makeChange = (site: Site, inForce: InForce, lock: FileLock["Service"]): Change => {
  const { fs, path } = site
  const exclusion = makeExclusion(site, lock)

  /** `none`: somebody who does not ask for locks saved the file meanwhile; all begins again with what he saved. */
  const replace = Effect.fnUntraced(function* ({ real }: LinkChain, f: Parameters<Change>[0]) {
    const [directory, document] = [path.dirname(real), path.basename(real)]
    yield* sweep(site, real)
    const found = yield* readStanding(site, real)
    if (Option.isNone(found) && inForce.kepts().size > 0) return yield* Effect.fail(gone(site))
    const before = Option.getOrElse(found, () => emptyKeys)
    const after = yield* f(before.kepts)
    const text = rewriteKeys(before.text, before.kepts, after)
    // What was read can be edited.
    if (Result.isFailure(text)) return yield* Effect.die(text.failure)
    const owner = Option.getOrUndefined(found)?.info
    const temporary = yield* Effect.mapError(
      writeTemporary(site, directory, text.success, { document, owner }),
      toUnavailable(site),
    )
    const placed = yield* Effect.gen(function* () {
      if (yield* moved(site, real, found)) return false
      yield* Effect.mapError(fs.rename(temporary, real), (error) => toUnavailable(site)(unavailable(real)(error)))
      return true
    }).pipe(Effect.onExit((exit) => (exit._tag === "Success" && exit.value ? Effect.void : discard(site, temporary))))
    if (!placed) return Option.none()
    yield* inForce.adopt(after)
    yield* Effect.mapError(syncDirectory(site, directory), () => new CredentialsUnconfirmed({ path: site.name }))
    return Option.some<void>(undefined)
  })

  return (f) =>
    Effect.gen(function* () {
      const { real } = yield* Effect.mapError(followLinks(site), toUnavailable(site))
      yield* Effect.mapError(makeDirectories(site, path.dirname(real)), toUnavailable(site))
      return yield* exclusion.underLock((chain) => replace(chain, f))
    }).pipe(Effect.mapError((error) => toError(site, error)))
}

/** Just before the rename; between the two a save in place can still be lost, which takes an editor that asks for no lock and microseconds. */
const moved = (site: Site, real: string, found: Option.Option<Stands>): Effect.Effect<boolean> =>
  Effect.match(site.fs.stat(real), {
    onSuccess: (info) => Option.isNone(found) || !sameFile(info, found.value.info),
    onFailure: (error) => codeOf(error) !== "ENOENT" || Option.isSome(found),
  })

const discard = ({ fs }: Site, file: string): Effect.Effect<void> => Effect.ignore(fs.remove(file, { force: true }))

/** Under the lock such files belong to the dead. */
const sweep = Effect.fnUntraced(function* (site: Site, real: string) {
  const { fs, path } = site
  const names = yield* Effect.orElseSucceed(fs.readDirectory(path.dirname(real)), () => [])
  for (const name of names) {
    if (isTemporary(path.basename(real), name)) yield* discard(site, path.join(path.dirname(real), name))
  }
})

type Failure =
  | CredentialsError
  | CredentialsUnavailable
  | CredentialsUnconfirmed
  | { readonly _tag: "Busy"; readonly detail: string }
  | { readonly _tag: "SourceUnavailable"; readonly code: string; readonly detail: string }

const toError = (site: Site, error: Failure): CredentialsError => {
  switch (error._tag) {
    case "CredentialsError":
      return error
    case "CredentialsUnavailable":
    case "CredentialsUnconfirmed":
      return new CredentialsError({ reason: error })
    case "Busy":
      return new CredentialsError({ reason: toUnavailable(site)({ code: "EBUSY", detail: error.detail }) })
    case "SourceUnavailable":
      return new CredentialsError({ reason: toUnavailable(site)(error) })
  }
}
