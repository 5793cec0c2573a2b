/** Putting a document in place: old or new, never torn, and nothing that an editor saved is lost. */
import { Effect, Option } from "effect"
import { type Busy, Conflict, type SourceUnavailable, Unconfirmed } from "../../ConfigError.ts"
import type { Stored, Written } from "../../ConfigSource.ts"
import type { Exclusion } from "../Exclusion.ts"
import { type Found, makeDirectories, readText, syncDirectory, writeTemporary } from "../Files.ts"
import { followLinks, type LinkChain } from "../LinkChain.ts"
import { asOld } from "../Names.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import { type Displaced, linkOrRename, place, sameFile } from "../Place.ts"
import { type Site, unavailable } from "../Site.ts"
import * as Utf8 from "../Utf8.ts"
import { type FileHistory, toUnavailable } from "./FileHistory.ts"
import { leftovers, settle, sweep } from "./Leftovers.ts"

export interface Writer {
  readonly write: (
    text: string,
    ifHash: string,
  ) => Effect.Effect<Written, Conflict | Unconfirmed | SourceUnavailable | Busy>
  readonly seed: (text: string) => Effect.Effect<Stored & { readonly seeded: boolean }, SourceUnavailable | Unconfirmed>
  /** Sweeps, unless somebody is writing: then that one has swept. */
  readonly start: Effect.Effect<void>
}

interface Needs {
  readonly site: Site
  readonly exclusion: Exclusion
  readonly history: FileHistory
  /** Called as soon as our text stands there. */
  readonly wrote: (hash: string) => void
  /** Runs before each write, for what only the owner of the place can put right. */
  readonly tighten: Effect.Effect<void>
}

export const makeWriter = ({ exclusion, history, site, tighten, wrote }: Needs): Writer => {
  const { fs, path } = site
  const directoryOf = (chain: LinkChain) => path.dirname(chain.real)
  const documentOf = (chain: LinkChain) => path.basename(chain.real)

  const confirm = (chain: LinkChain) =>
    Effect.mapError(syncDirectory(site, directoryOf(chain)), () => new Unconfirmed({ path: site.name }))

  /** Looks once more, just before: did the name lead elsewhere, or the file change, while the new text was written? */
  const moved = (chain: LinkChain, { info }: Found) =>
    Effect.gen(function* () {
      const now = yield* followLinks(site)
      if (now.real !== chain.real) return true
      return !sameFile(yield* Effect.mapError(fs.stat(chain.real), unavailable(chain.real)), info)
    }).pipe(
      Effect.catchIf(
        ({ code }) => code === "ENOENT",
        () => Effect.succeed(true),
      ),
    )

  const write = Effect.fnUntraced(function* (chain: LinkChain, text: string, after: string, ifHash: string) {
    yield* sweep(site, history, chain.real)
    yield* tighten
    const found = yield* readText(site, chain.real)
    if (found.hash !== ifHash) return yield* Effect.fail(new Conflict({ expected: ifHash, actual: found.hash }))
    const temporary = yield* writeTemporary(site, directoryOf(chain), text, {
      document: documentOf(chain),
      owner: found.info,
    })
    const discard = (file: string) => Effect.ignore(fs.remove(file, { force: true }))
    const old = asOld(temporary, ifHash, after)
    const displaced = yield* Effect.gen(function* () {
      if (yield* moved(chain, found)) return Option.none<Displaced>()
      return yield* place(site, { temporary, old, real: chain.real })
    }).pipe(Effect.onError(() => Effect.andThen(discard(temporary), discard(old))))
    if (Option.isNone(displaced)) {
      yield* Effect.andThen(discard(temporary), discard(old))
      return Option.none()
    }
    wrote(after)
    // From here on the new document is in force, whatever else fails.
    const overwritten = displaced.value.kept
      ? yield* settle(site, history, old).pipe(
          Effect.catch((error) =>
            Effect.as(
              Effect.logWarning(`what was displaced from ${site.name} stays at ${old}: ${error.detail}`),
              Option.none(),
            ),
          ),
        )
      : Option.none<string>()
    yield* Effect.onError(confirm(chain), () =>
      Option.isNone(overwritten)
        ? Effect.void
        : Effect.logWarning(
            `what was saved to ${site.name} in the same moment is in the history under ${overwritten.value}`,
          ),
    )
    const written: Written = Option.match(overwritten, {
      onNone: () => ({ hash: after }),
      onSome: (hash) => ({ hash: after, overwritten: { hash } }),
    })
    return Option.some(written)
  })

  const existing = readText(site, site.name).pipe(
    Effect.map(({ hash, text }) => Option.some({ text, hash, seeded: false })),
    Effect.catchIf(
      ({ code }) => code === "ENOENT",
      () => Effect.succeedNone,
    ),
  )
  const seed = Effect.fnUntraced(function* (chain: LinkChain, text: string, hash: string) {
    yield* sweep(site, history, chain.real)
    const found = yield* existing
    if (Option.isSome(found)) return found
    const temporary = yield* writeTemporary(site, directoryOf(chain), text, { document: documentOf(chain) })
    const linked = yield* linkOrRename(site, temporary, chain.real).pipe(
      Effect.ensuring(Effect.ignore(fs.remove(temporary, { force: true }))),
    )
    // Somebody saved one meanwhile: all begins again, and finds it.
    if (!linked) return Option.none()
    wrote(hash)
    yield* confirm(chain)
    return Option.some({ text, hash, seeded: true })
  })

  return {
    write: Effect.fn("ConfigSource.write")(function* (text: string, ifHash: string) {
      const after = yield* site.hashBytes(Utf8.encode(text))
      return yield* exclusion.underLock((chain) => write(chain, text, after, ifHash))
    }),
    seed: Effect.fnUntraced(function* (text: string) {
      // Without the lock: who may only read can start too.
      const found = yield* existing
      if (Option.isSome(found)) return found.value
      const hash = yield* site.hashBytes(Utf8.encode(text))
      yield* makeDirectories(site, path.dirname((yield* followLinks(site)).real))
      return yield* Effect.catchTag(
        exclusion.underLock((chain) => seed(chain, text, hash)),
        "Busy",
        (busy) => Effect.fail(toUnavailable(site, busy)),
      )
    }, withOpaqueSpan("ConfigSource.seed")),
    start: Effect.gen(function* () {
      const { real } = yield* followLinks(site)
      if ((yield* leftovers(site, real)).length === 0 && !(yield* history.dirty)) return
      yield* exclusion.underLock((chain) => Effect.asSome(sweep(site, history, chain.real)), { timeout: 0 })
    }).pipe(Effect.ignore),
  }
}
