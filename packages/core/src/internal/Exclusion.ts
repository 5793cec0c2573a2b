/**
 * One writer at a time, over all processes: the lock file beside the real document. Waiting for it can be interrupted, what runs under it
 * cannot, unless it asks. What runs inside `exclusively` holds the lock already, and does not ask for it again.
 */
import { Context, Effect, Option, Semaphore } from "effect"
import { Busy, SourceUnavailable } from "../ConfigError.ts"
import type { FileLock, FileLockError, LockOptions } from "../FileLock.ts"
import { followLinks, type LinkChain } from "./LinkChain.ts"
import { codeOf, type Site } from "./Site.ts"

export interface Exclusion {
  /** The chain is the one under the lock. `none` says that the document has moved: then the lock is let go, and all begins again. */
  readonly underLock: <A, E, R>(
    use: (chain: LinkChain) => Effect.Effect<Option.Option<A>, E, R>,
    options?: LockOptions,
  ) => Effect.Effect<A, E | Busy | SourceUnavailable, R>
  readonly exclusively: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Busy | SourceUnavailable, R>
}

/** How often in a row the document may move away from under its lock. */
const MAX_MOVES = 10

interface Holder {
  readonly of: Site | undefined
  readonly real: string
  held: boolean
  /** Fibers inside one `exclusively` still write one after the other. */
  readonly turn: Semaphore.Semaphore | undefined
}
const Holder = Context.Reference<Holder>("@signalbox/core/FileConfigSource/Holder", {
  defaultValue: () => ({ of: undefined, real: "", held: false, turn: undefined }),
})

export const makeExclusion = (site: Site, lock: FileLock["Service"]): Exclusion => {
  const attempt = <A, E, R>(
    use: (chain: LinkChain) => Effect.Effect<Option.Option<A>, E, R>,
    restore: <A2, E2, R2>(effect: Effect.Effect<A2, E2, R2>) => Effect.Effect<A2, E2, R2>,
    options: LockOptions | undefined,
  ) =>
    Effect.gen(function* () {
      const holder = yield* Holder
      const chain = yield* restore(followLinks(site))
      if (holder.of === site && holder.held && holder.real === chain.real && holder.turn !== undefined) {
        // While this waited for its turn the stretch may have ended: then all begins again, with a lock of its own.
        return yield* holder.turn.withPermit(
          Effect.suspend(() => (holder.held ? use(chain) : Effect.succeed(Option.none<A>()))),
        )
      }
      return yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.catch(restore(lock.acquire(`${chain.real}.lock`, options)), refused(site, chain))
          const found = yield* followLinks(site)
          return found.real === chain.real ? yield* use(found) : Option.none<A>()
        }),
      )
    })

  const underLock: Exclusion["underLock"] = (use, options) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        for (let moves = 0; moves < MAX_MOVES; moves++) {
          const done = yield* attempt(use, restore, options)
          if (Option.isSome(done)) return done.value
        }
        return yield* Effect.fail(new Busy({ detail: `${site.name} does not stand still: something keeps moving it` }))
      }),
    )

  const exclusively: Exclusion["exclusively"] = (effect) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Holder, (outer) => {
        if (outer.of === site && outer.held) return restore(effect)
        return underLock((chain) => {
          const turn = Semaphore.makeUnsafe(1)
          const holder: Holder = { of: site, real: chain.real, held: true, turn }
          const end = Effect.sync(() => {
            holder.held = false
          })
          // A fiber that outlives the effect may be in the midst of a write.
          return restore(Effect.provideService(effect, Holder, holder)).pipe(
            Effect.ensuring(turn.withPermit(end)),
            Effect.asSome,
          )
        })
      }),
    )
  return { underLock, exclusively }
}

/** Nobody can lock in a directory that is not there; that is what the caller should hear then. */
const refused =
  ({ fs, name, path }: Site, chain: LinkChain) =>
  (error: FileLockError): Effect.Effect<never, Busy | SourceUnavailable> => {
    const { reason } = error
    if (reason._tag === "LockTimedOut") return Effect.fail(new Busy({ detail: error.message }))
    return Effect.flatMap(
      Effect.match(fs.stat(path.dirname(chain.real)), { onFailure: codeOf, onSuccess: () => undefined }),
      (code) =>
        Effect.fail(
          new SourceUnavailable({
            path: name,
            code: code ?? /\bE[A-Z0-9]{3,}\b/.exec(reason.detail)?.[0] ?? "ENOLCK",
            detail: error.message,
          }),
        ),
    )
  }
