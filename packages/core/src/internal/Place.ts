/** The moment in which one document takes the other's place. */
import { Effect, type FileSystem, Option } from "effect"
import type { SourceUnavailable } from "../ConfigError.ts"
import { codeOf, type Site, unavailable } from "./Site.ts"

export interface Names {
  /** The new document, whole and synced. */
  readonly temporary: string
  /** Where what stood there before will be found. */
  readonly old: string
  /** Never a symbolic link: those stay. */
  readonly real: string
}

export interface Displaced {
  /** Whether `old` holds it; a file system with neither exchange nor hard links keeps nothing. */
  readonly kept: boolean
}

/** `none`: something else took the document away in this moment, and nothing there has been touched. */
export const place = (site: Site, names: Names): Effect.Effect<Option.Option<Displaced>, SourceUnavailable> =>
  site.exchange === undefined ? byLink(site, names) : byExchange(site, names, site.exchange)

/** Nothing can slip between: what stands at the name when it changes hands is what is found under the other. */
const byExchange = Effect.fnUntraced(function* (
  site: Site,
  names: Names,
  exchange: NonNullable<Site["exchange"]>,
): Effect.fn.Return<Option.Option<Displaced>, SourceUnavailable> {
  const { old, real, temporary } = names
  // Named so before: whoever finds it after a crash must know that it may be somebody's last save.
  yield* Effect.mapError(site.fs.rename(temporary, old), unavailable(old))
  const outcome = yield* exchange(old, real).pipe(
    Effect.as("swapped" as const),
    Effect.catch((error) => {
      if (error._tag === "ExchangeUnsupported") return Effect.succeed("unsupported" as const)
      const code = codeOf(error)
      if (code === "ENOENT") return Effect.succeed("gone" as const)
      // A container's filter refuses system calls that it does not know; rename, which it knows, will say the same where it is meant.
      return code === "EPERM" || code === "EACCES"
        ? Effect.succeed("unsupported" as const)
        : Effect.fail(unavailable(real)(error))
    }),
  )
  if (outcome === "swapped") return Option.some({ kept: true })
  if (outcome === "gone") return Option.none()
  yield* Effect.mapError(site.fs.rename(old, temporary), unavailable(temporary))
  return yield* byLink(site, names)
})

/** A second name for what stands there, then rename over the first. A save by rename between these two steps would be lost, so look twice. */
const byLink = Effect.fnUntraced(function* (
  { fs }: Site,
  { old, real, temporary }: Names,
): Effect.fn.Return<Option.Option<Displaced>, SourceUnavailable> {
  const linked = yield* fs.link(real, old).pipe(
    Effect.as("linked" as const),
    Effect.catch((error) => {
      const code = codeOf(error)
      if (code === "ENOENT") return Effect.succeed("gone" as const)
      return withoutLinks.has(code) ? Effect.succeed("unsupported" as const) : Effect.fail(unavailable(real)(error))
    }),
  )
  if (linked === "gone") return Option.none()
  if (linked === "linked") {
    const same = yield* Effect.exit(Effect.zipWith(fs.lstat(old), fs.lstat(real), sameInode))
    if (same._tag === "Failure" || !same.value) return Option.none()
  }
  yield* Effect.mapError(fs.rename(temporary, real), unavailable(real))
  return Option.some({ kept: linked === "linked" })
})

/** Puts the file there only if nothing is there, and says whether it did. */
export const linkOrRename = (
  { fs }: Site,
  temporary: string,
  real: string,
): Effect.Effect<boolean, SourceUnavailable> =>
  fs.link(temporary, real).pipe(
    Effect.as(true),
    Effect.catch((error) => {
      const code = codeOf(error)
      if (code === "EEXIST") return Effect.succeed(false)
      if (!withoutLinks.has(code)) return Effect.fail(error)
      return Effect.matchEffect(fs.lstat(real), {
        onSuccess: () => Effect.succeed(false),
        onFailure: () => Effect.as(fs.rename(temporary, real), true),
      })
    }),
    Effect.mapError(unavailable(real)),
  )

/** link(2) where there are no hard links, or none for us. */
const withoutLinks: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"])

const sameInode = (a: FileSystem.File.Info, b: FileSystem.File.Info): boolean =>
  a.dev === b.dev && Option.getOrUndefined(a.ino) === Option.getOrUndefined(b.ino)

/** Not ctime, which effect's FileSystem does not tell; what it would add is found out by hash. */
export const sameFile = (a: FileSystem.File.Info, b: FileSystem.File.Info): boolean =>
  sameInode(a, b) && fingerprint(a) === fingerprint(b)

export const fingerprint = (info: FileSystem.File.Info): string =>
  [
    info.dev,
    Option.getOrUndefined(info.ino),
    info.size.toString(),
    Option.match(info.mtime, { onNone: () => "", onSome: (mtime) => mtime.getTime() }),
  ].join()
