/** A document in memory, with everything that a document on disk has: comparison, exclusion, hints, history. */
import { Clock, Context, Effect, PubSub, Semaphore, Stream } from "effect"
import { Digest } from "effect/crypto"
import { Conflict, SourceUnavailable } from "../../ConfigError.ts"
import type { ConfigSource, History, HistoryEntry, MemoryDocument, Stored, Written } from "../../ConfigSource.ts"
import { beyondBounds, HistoryBounds, isKept } from "../HistoryBounds.ts"
import { rhythm, settled } from "../Settled.ts"
import * as Utf8 from "../Utf8.ts"

const name = "memory"

export const makeMemory: Effect.Effect<
  { readonly source: ConfigSource["Service"]; readonly document: MemoryDocument["Service"] },
  never,
  Digest.Digest
> = Effect.gen(function* () {
  const digest = yield* Digest.Digest
  const hash = (text: string) => digest.digestHex(Digest.sha256, Utf8.encode(text))
  const stored = (text: string): Effect.Effect<Stored> => Effect.map(hash(text), (hash) => ({ text, hash }))
  const alone = yield* makeAlone
  const signals = yield* PubSub.sliding<void>(1)
  const signal = PubSub.publish(signals, undefined)
  let document: Stored | undefined
  let broken: string | undefined

  // Comparing and setting are one synchronous step: nothing comes between.
  const write = (text: string, ifHash: string) =>
    Effect.flatMap(stored(text), (next) =>
      Effect.suspend((): Effect.Effect<Written, Conflict | SourceUnavailable> => {
        if (broken !== undefined) return Effect.fail(unavailable(broken))
        if (document === undefined) return Effect.fail(unavailable("ENOENT"))
        if (document.hash !== ifHash) return Effect.fail(new Conflict({ expected: ifHash, actual: document.hash }))
        document = next
        return Effect.succeed({ hash: next.hash })
      }),
    )
  const seed = (text: string) =>
    Effect.flatMap(stored(text), (next) =>
      Effect.suspend(() => {
        if (broken !== undefined) return Effect.fail(unavailable(broken))
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
      broken = code
      return Effect.asVoid(signal)
    })
  const hints = Stream.unwrap(
    Effect.map(PubSub.subscribe(signals), (subscription) => {
      const next = PubSub.take(subscription)
      const hint = Effect.andThen(next, settled(next, rhythm))
      return Stream.concat(Stream.succeed<void>(undefined), Stream.fromEffectRepeat(hint))
    }),
  )
  return {
    source: {
      name,
      read: Effect.suspend(() =>
        broken === undefined && document !== undefined
          ? Effect.succeed(document)
          : Effect.fail(unavailable(broken ?? "ENOENT")),
      ),
      seed: (text) => alone(seed(text)),
      write: (text, ifHash) => alone(write(text, ifHash)),
      exclusively: alone,
      hash,
      hints,
      history: makeHistory(yield* HistoryBounds),
      warnings: Effect.succeed([]),
    },
    document: { text: Effect.sync(() => document?.text), save, fail },
  }
})

const unavailable = (code: string) =>
  new SourceUnavailable({
    path: name,
    code,
    detail: code === "ENOENT" ? "no document has been saved yet" : "made to fail",
  })

const Holder = Context.Reference<{ readonly of: Semaphore.Semaphore | undefined; held: boolean }>(
  "@signalbox/core/ConfigSource/MemoryHolder",
  { defaultValue: () => ({ of: undefined, held: false }) },
)

/** One holder at a time; what runs inside the holder is the holder, until it has let go. */
const makeAlone = Effect.map(
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
        const goes = new Set(beyondBounds(entries, bounds))
        kept = entries.filter((entry) => !goes.has(entry))
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
