/**
 * One writer at a time, across processes: the lock file beside the real document. The wait for it can be interrupted; an effect that runs under it
 * cannot, unless it asks for that. Inside `exclusively` the lock is already held and is not taken again.
 */
import { Context, Effect, Option, Semaphore } from "effect"
import { errorCode } from "../AtomicFile.ts"
import { Busy, SourceUnavailable } from "../ConfigError.ts"
import type { FileLock, FileLockError, LockOptions } from "../FileLock.ts"
import { followLinks, type LinkChain } from "./LinkChain.ts"
import type { ManagedFile } from "./ManagedFile.ts"

export interface DocumentLock {
  /** Runs `use` with the chain as it is under the lock. If `use` returns `none`, the document has moved: the lock is released and all starts again. */
  readonly underLock: <A, E, R>(
    use: (chain: LinkChain) => Effect.Effect<Option.Option<A>, E, R>,
    options?: LockOptions,
  ) => Effect.Effect<A, E | Busy | SourceUnavailable, R>
  readonly exclusively: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Busy | SourceUnavailable, R>
}

/** The caller gets `Busy` after so many moves of the document in a row. */
const maxMoves = 10

interface Holder {
  readonly of: ManagedFile | undefined
  readonly real: string
  held: boolean
  /** Lets the fibers inside one `exclusively` write one after the other. */
  readonly turn: Semaphore.Semaphore | undefined
}
const Holder = Context.Reference<Holder>("@signalbox/core/FileConfigSource/Holder", {
  defaultValue: () => ({ of: undefined, real: "", held: false, turn: undefined }),
})

export const makeDocumentLock = (managed: ManagedFile, lock: FileLock["Service"]): DocumentLock => {
  const attempt = <A, E, R>(
    use: (chain: LinkChain) => Effect.Effect<Option.Option<A>, E, R>,
    restore: <A2, E2, R2>(effect: Effect.Effect<A2, E2, R2>) => Effect.Effect<A2, E2, R2>,
    options: LockOptions | undefined,
  ) =>
    Effect.gen(function* () {
      const holder = yield* Holder
      const chain = yield* restore(followLinks(managed))
      if (holder.of === managed && holder.held && holder.real === chain.real && holder.turn !== undefined) {
        // The exclusive effect may have ended during the wait for its turn: then all starts again, with a lock of its own.
        return yield* holder.turn.withPermit(
          Effect.suspend(() => (holder.held ? use(chain) : Effect.succeed(Option.none<A>()))),
        )
      }
      return yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.catch(restore(lock.acquire(`${chain.real}.lock`, options)), refused(managed, chain))
          const found = yield* followLinks(managed)
          return found.real === chain.real ? yield* use(found) : Option.none<A>()
        }),
      )
    })

  const underLock: DocumentLock["underLock"] = (use, options) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        for (let moves = 0; moves < maxMoves; moves++) {
          const done = yield* attempt(use, restore, options)
          if (Option.isSome(done)) return done.value
        }
        return yield* Effect.fail(new Busy({ detail: `another program keeps moving ${managed.name}` }))
      }),
    )

  const exclusively: DocumentLock["exclusively"] = (effect) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(Holder, (outer) => {
        if (outer.of === managed && outer.held) return restore(effect)
        return underLock((chain) => {
          const turn = Semaphore.makeUnsafe(1)
          const holder: Holder = { of: managed, real: chain.real, held: true, turn }
          const end = Effect.sync(() => {
            holder.held = false
          })
          // A fiber that outlives the effect may be in the middle of a write.
          return restore(Effect.provideService(effect, Holder, holder)).pipe(
            Effect.ensuring(turn.withPermit(end)),
            Effect.asSome,
          )
        })
      }),
    )
  return { underLock, exclusively }
}

/** If the directory is missing or closed, that is the error, and not the failure of the lock. */
const refused =
  ({ fs, name, path }: ManagedFile, chain: LinkChain) =>
  (error: FileLockError): Effect.Effect<never, Busy | SourceUnavailable> => {
    const { reason } = error
    if (reason._tag === "LockTimedOut") return Effect.fail(new Busy({ detail: reason.situation }))
    return Effect.flatMap(
      Effect.match(fs.stat(path.dirname(chain.real)), { onFailure: errorCode, onSuccess: () => undefined }),
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
