/** Keeps the configuration document in memory, with the full behaviour of one on disk: comparison, exclusion, hints, history. */
import { Clock, Context, Effect, Layer, Semaphore, Stream } from "effect"
import { Digest } from "effect/crypto"
import { Conflict, SourceUnavailable } from "./ConfigError.ts"
import { ConfigSource } from "./ConfigSource.ts"
import { type Debounce, makeDebounce } from "./internal/Debounce.ts"
import {
  beyondBounds,
  type History,
  HistoryBounds,
  type HistoryEntry,
  isKept,
  type Stored,
} from "./internal/History.ts"
import * as Utf8 from "./internal/Utf8.ts"

/**
 * Edits a document in memory from outside, as another program edits a file. For tests and for hosts without a disk.
 *
 * **Example** (Saving a document as an editor would)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { ConfigSource, MemoryConfigSource } from "@signalbox/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const source = yield* ConfigSource
 *   const document = yield* MemoryConfigSource.MemoryDocument
 *   yield* document.save(`{ "limit": 3 }`)
 *   return (yield* source.read).text
 * })
 *
 * strictEqual(await Effect.runPromise(Effect.provide(program, MemoryConfigSource.layer)), `{ "limit": 3 }`)
 * ```
 */
export class MemoryDocument extends Context.Service<
  MemoryDocument,
  {
    /** `undefined`: there is no document. */
    readonly text: Effect.Effect<string | undefined>
    /** Saves without lock or comparison; a hint follows. `undefined` removes the document. */
    readonly save: (text: string | undefined) => Effect.Effect<void>
    /** Makes reading and writing fail with this code until it is called with `undefined`; a hint follows. */
    readonly fail: (code: string | undefined) => Effect.Effect<void>
  }
>()("@signalbox/core/MemoryConfigSource/MemoryDocument") {}

/** Lives as long as the layer. It starts without a document; `MemoryDocument` edits it as a foreign editor would. */
export const layer: Layer.Layer<ConfigSource | MemoryDocument> = Layer.effectContext(
  Effect.suspend(() => makeMemory).pipe(
    Effect.map(({ document, source }) =>
      Context.make(ConfigSource, ConfigSource.of(source)).pipe(
        Context.add(MemoryDocument, MemoryDocument.of(document)),
      ),
    ),
  ),
).pipe(Layer.provide(Digest.layerWebCrypto))

const name = "memory"

const makeMemory = Effect.gen(function* () {
  const digest = yield* Digest.Digest
  const hash = (text: string) => digest.digestHex(Digest.sha256, Utf8.encodeUnmarked(text))
  const stored = (text: string): Effect.Effect<Stored> => Effect.map(hash(text), (hash) => ({ text, hash }))
  const exclusively = yield* makeExclusively
  const { hints, signal } = makeHints()
  let document: Stored | undefined
  let failure: string | undefined

  // Comparison and assignment are one synchronous step.
  const write = (text: string, ifHash: string) =>
    Effect.flatMap(stored(text), (next) =>
      Effect.suspend((): Effect.Effect<{ readonly hash: string }, Conflict | SourceUnavailable> => {
        if (failure !== undefined) return Effect.fail(unavailable(failure))
        if (document === undefined) return Effect.fail(unavailable("ENOENT"))
        if (document.hash !== ifHash) return Effect.fail(new Conflict({ expected: ifHash, actual: document.hash }))
        document = next
        return Effect.succeed({ hash: next.hash })
      }),
    )
  const seed = (text: string) =>
    Effect.flatMap(stored(text), (next) =>
      Effect.suspend(() => {
        if (failure !== undefined) return Effect.fail(unavailable(failure))
        if (document !== undefined) return Effect.succeed({ ...document, seeded: false })
        document = next
        return Effect.succeed({ ...next, seeded: true })
      }),
    )
  const save = Effect.fnUntraced(function* (text: string | undefined) {
    const next = text === undefined ? undefined : yield* stored(text)
    const same = next?.hash === document?.hash
    document = next
    if (!same) yield* signal
  })
  const fail = (code: string | undefined) =>
    Effect.suspend(() => {
      failure = code
      return signal
    })
  return {
    source: {
      name,
      read: Effect.suspend(() =>
        failure === undefined && document !== undefined
          ? Effect.succeed(document)
          : Effect.fail(unavailable(failure ?? "ENOENT")),
      ),
      seed: (text: string) => exclusively(seed(text)),
      write: (text: string, ifHash: string) => exclusively(write(text, ifHash)),
      exclusively,
      hash,
      hints,
      history: makeHistory(yield* HistoryBounds),
      warnings: Effect.succeed<ReadonlyArray<string>>([]),
    },
    document: { text: Effect.sync(() => document?.text), save, fail },
  }
})

const unavailable = (code: string) =>
  new SourceUnavailable({
    path: name,
    code,
    detail: code === "ENOENT" ? "no document has been saved yet" : "a test or host made it fail",
  })

/** Nothing runs between two changes: no timer, no poll. */
const makeHints = () => {
  const listeners = new Set<Debounce>()
  const listen = Effect.gen(function* () {
    const listener = yield* makeDebounce
    yield* Effect.acquireRelease(
      Effect.sync(() => listeners.add(listener)),
      () => Effect.sync(() => listeners.delete(listener)),
    )
    return Stream.concat(
      Stream.succeed<void>(undefined),
      Stream.fromEffectRepeat(Effect.andThen(listener.signalled, listener.settle)),
    )
  })
  return {
    hints: Stream.unwrap(listen),
    signal: Effect.suspend(() => Effect.forEach(listeners, (listener) => listener.signal, { discard: true })),
  }
}

const Holder = Context.Reference<{ readonly of: Semaphore.Semaphore | undefined; held: boolean }>(
  "@signalbox/core/MemoryConfigSource/Holder",
  { defaultValue: () => ({ of: undefined, held: false }) },
)

/** One holder at a time. An effect inside the holder's effect holds the lock too, until the holder has released it. */
const makeExclusively = Effect.map(
  Semaphore.make(1),
  (semaphore) =>
    <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.flatMap(Holder, (outer) => {
        if (outer.of === semaphore && outer.held) return effect
        const holder = { of: semaphore, held: true }
        const release = Effect.sync(() => {
          holder.held = false
        })
        return semaphore.withPermit(Effect.ensuring(Effect.provideService(effect, Holder, holder), release))
      }),
)

const makeHistory = (bounds: HistoryBounds): History => {
  let kept: ReadonlyArray<HistoryEntry & { readonly text: string }> = []
  return {
    list: Effect.sync(() => kept.map(({ text: _, ...entry }) => entry)),
    read: (hash) =>
      Effect.sync(() => {
        const all = kept.filter((entry) => entry.hash === hash)
        const found = all.find(({ neverInForce }) => neverInForce !== "refused") ?? all[0]
        return found && { text: found.text, hash }
      }),
    keep: (text, hash, keeping = {}) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        if (isKept(kept, hash, keeping)) return
        const { backTo, neverInForce } = keeping
        const at = Math.max(now, (kept[0]?.at ?? 0) + 1)
        const mark = neverInForce === undefined ? (backTo === undefined ? {} : { backTo }) : { neverInForce }
        const entries = [{ hash, at, bytes: Utf8.encode(text).length, ...mark, text }, ...kept]
        const excess = new Set(beyondBounds(entries, bounds))
        kept = entries.filter((entry) => !excess.has(entry))
      }),
    rewrite: (f) =>
      Effect.sync(() => {
        kept = kept.map((entry) => {
          const text = f(entry.text)
          return { ...entry, text, bytes: Utf8.encode(text).length }
        })
      }),
    remove: (hash) =>
      Effect.sync(() => {
        kept = kept.filter((entry) => entry.hash !== hash)
      }),
  }
}
