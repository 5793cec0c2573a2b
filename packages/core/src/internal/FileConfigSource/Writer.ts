/** Puts a document in place: readers see the old one or the new, and nothing that an editor saved is lost. */
import { Effect, Option } from "effect"
import { type Busy, Conflict, type SourceUnavailable, Unconfirmed } from "../../ConfigError.ts"
import type { DocumentLock } from "../DocumentLock.ts"
import { sameFile } from "../FileIdentity.ts"
import type { Stored } from "../History.ts"
import { followLinks, type LinkChain } from "../LinkChain.ts"
import { type ManagedFile, unavailable } from "../ManagedFile.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import { encodeText, readText, type TextFile } from "../ReadText.ts"
import { type FileHistory, toUnavailable } from "./FileHistory.ts"
import { writeInPlace } from "./InPlace.ts"
import { leftovers, removeDisplaced, sweep } from "./Sweep.ts"

interface Written {
  readonly hash: string
  readonly overwritten?: { readonly hash: string }
}

export interface Writer {
  readonly write: (
    text: string,
    ifHash: string,
  ) => Effect.Effect<Written, Conflict | Unconfirmed | SourceUnavailable | Busy>
  readonly seed: (text: string) => Effect.Effect<Stored & { readonly seeded: boolean }, SourceUnavailable | Unconfirmed>
  /** Sweeps, unless another process is writing: then that process has swept. */
  readonly start: Effect.Effect<void>
}

interface Needs {
  readonly document: ManagedFile
  readonly lock: DocumentLock
  readonly history: FileHistory
  /** Called as soon as the new text is in place. */
  readonly onWritten: (hash: string) => void
  /** Runs before each write: corrects the mode of a directory that belongs to the program. */
  readonly tighten: Effect.Effect<void>
}

export const makeWriter = ({ document, history, lock, onWritten, tighten }: Needs): Writer => {
  const { atomic, fs, path } = document
  const failedAt = (real: string) => Effect.mapError(unavailable(real))

  const confirm = ({ real }: LinkChain) =>
    Effect.mapError(atomic.syncDirectory(path.dirname(real)), () => new Unconfirmed({ path: document.name }))

  /** Whether the name leads elsewhere, or the file has changed, since it was read. */
  const hasMoved = (chain: LinkChain, { info }: TextFile) =>
    Effect.gen(function* () {
      const now = yield* followLinks(document)
      if (now.real !== chain.real) return true
      return !sameFile(yield* failedAt(chain.real)(fs.stat(chain.real)), info)
    }).pipe(
      Effect.catchIf(
        ({ code }) => code === "ENOENT",
        () => Effect.succeed(true),
      ),
    )

  const overwrittenIn = (displaced: string | undefined) =>
    displaced === undefined
      ? Effect.succeedNone
      : Effect.catch(removeDisplaced(document, history, displaced), (error) =>
          Effect.as(
            Effect.logWarning(
              `the text that a write displaced from ${document.name} stays at ${displaced}: ${error.detail}`,
            ),
            Option.none(),
          ),
        )

  const write = Effect.fnUntraced(function* (chain: LinkChain, text: string, after: string, ifHash: string) {
    const { real } = chain
    yield* sweep(document, history, real)
    yield* tighten
    const found = yield* readText(document, real)
    if (found.hash !== ifHash) return yield* Effect.fail(new Conflict({ expected: ifHash, actual: found.hash }))
    const bytes = yield* encodeText(document, real, text)
    const temporary = yield* failedAt(real)(atomic.prepare(real, bytes, { owner: found.info }))
    const discard = Effect.ignore(fs.remove(temporary, { force: true }))
    if (yield* Effect.onError(hasMoved(chain, found), () => discard)) return yield* Effect.as(discard, Option.none())
    const exchanged = yield* failedAt(real)(atomic.exchange(temporary, real, { before: ifHash, after })).pipe(
      // The name is a mount point.
      Effect.catchIf(
        ({ code }) => code === "EBUSY",
        () =>
          Effect.map(writeInPlace(document, history, real, found, bytes, after), (done) =>
            done ? ({ _tag: "Replaced", displaced: undefined } as const) : ({ _tag: "Moved" } as const),
          ),
      ),
    )
    if (exchanged._tag === "Moved") return Option.none()
    onWritten(after)
    // From here on the new document is in force, even if a later step fails.
    const overwritten = yield* overwrittenIn(exchanged.displaced)
    yield* Effect.onError(confirm(chain), () =>
      Option.isNone(overwritten)
        ? Effect.void
        : Effect.logWarning(
            `an editor saved ${document.name} in the same instant: its text is in the history under ${overwritten.value}`,
          ),
    )
    const written: Written = Option.match(overwritten, {
      onNone: () => ({ hash: after }),
      onSome: (hash) => ({ hash: after, overwritten: { hash } }),
    })
    return Option.some(written)
  })

  const existing = readText(document, document.name).pipe(
    Effect.map(({ hash, text }) => Option.some({ text, hash, seeded: false })),
    Effect.catchIf(
      ({ code }) => code === "ENOENT",
      () => Effect.succeedNone,
    ),
  )
  const seed = Effect.fnUntraced(function* (chain: LinkChain, text: string, hash: string) {
    yield* sweep(document, history, chain.real)
    const found = yield* existing
    if (Option.isSome(found)) return found
    const bytes = yield* encodeText(document, chain.real, text)
    const temporary = yield* failedAt(chain.real)(atomic.prepare(chain.real, bytes))
    const created = yield* failedAt(chain.real)(atomic.create(temporary, chain.real))
    // An editor has just saved one: the next attempt finds it.
    if (!created) return Option.none()
    onWritten(hash)
    yield* confirm(chain)
    return Option.some({ text, hash, seeded: true })
  })

  return {
    write: Effect.fn("ConfigSource.write")(function* (text: string, ifHash: string) {
      const { hash: after } = yield* document.texts.ofText(text)
      return yield* lock.underLock((chain) => write(chain, text, after, ifHash))
    }),
    seed: Effect.fnUntraced(function* (text: string) {
      // Before the lock: a process that may only read can start too.
      const found = yield* existing
      if (Option.isSome(found)) return found.value
      const { hash } = yield* document.texts.ofText(text)
      const directory = path.dirname((yield* followLinks(document)).real)
      yield* failedAt(directory)(atomic.makeDirectory(directory))
      return yield* Effect.catchTag(
        lock.underLock((chain) => seed(chain, text, hash)),
        "Busy",
        (busy) => Effect.fail(toUnavailable(document, busy)),
      )
    }, withOpaqueSpan("ConfigSource.seed")),
    start: Effect.gen(function* () {
      const { real } = yield* followLinks(document)
      if ((yield* leftovers(document, real)).length === 0 && !(yield* history.hasLeftovers)) return
      yield* lock.underLock(
        (chain) => Effect.asSome(Effect.andThen(sweep(document, history, chain.real), history.sweep)),
        { timeout: 0 },
      )
    }).pipe(Effect.ignore),
  }
}
