/** Whether a name leads to something that another user may have planted: it, or a symbolic link on the way, belongs to a user who is not trusted. */
import { Context, Effect, FileSystem, Option, Path, type PlatformError } from "effect"
import { errorCode } from "./AtomicFile.ts"
import { foreignLink, foreignOwner, isTrustedOwner } from "./FileOwners.ts"

/**
 * The number of the effective user of this process; `undefined`, the default, if the platform has none: then owners are not checked. `Signalbox` in
 * `@signalbox/node` provides it.
 */
export const ProcessUser: Context.Reference<number | undefined> = Context.Reference<number | undefined>(
  "@signalbox/core/ProcessUser",
  { defaultValue: () => undefined },
)

/** Returns why the file or directory is not trusted, as a sentence. `undefined` if it is trusted, or missing. */
export type Distrust = (name: string) => Effect.Effect<string | undefined, PlatformError.PlatformError>

/** Makes the check from the services in context. A caller that writes into an existing file must open it without following links as well. */
export const make: Effect.Effect<Distrust, never, FileSystem.FileSystem | Path.Path> = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const user = yield* ProcessUser
  if (user === undefined) return (): ReturnType<Distrust> => Effect.undefined

  const check = (name: string, linksLeft: number): ReturnType<Distrust> =>
    Effect.gen(function* () {
      const info = yield* fs.lstat(name)
      const owner = Option.getOrUndefined(info.uid)
      if (owner !== undefined && owner !== user && owner !== 0) {
        const directory = Option.getOrUndefined((yield* fs.stat(path.dirname(name))).uid)
        if (!isTrustedOwner(owner, user, () => directory)) {
          return `${name} ${info.type === "SymbolicLink" ? foreignLink(owner) : foreignOwner(owner)}`
        }
      }
      if (info.type !== "SymbolicLink" || linksLeft === 0) return undefined
      return yield* check(path.resolve(path.dirname(name), yield* fs.readLink(name)), linksLeft - 1)
    })
  return (name: string): ReturnType<Distrust> =>
    Effect.catchIf(
      check(name, maxLinks),
      (error) => errorCode(error) === "ENOENT",
      () => Effect.undefined,
    )
})

/** As path_resolution(7). */
const maxLinks = 40
