/**
 * Where the document lives: read, compare-and-set write, hints, history. A hint says that something may have changed and never what.
 * The memory source is a full implementation; `FileConfigSource` is the one on disk.
 */
import { Context, Effect, Layer, type Stream } from "effect"
import { Digest } from "effect/crypto"
import type { Busy, Conflict, SourceUnavailable, Unconfirmed } from "./ConfigError.ts"
import { makeMemory } from "./internal/ConfigSource/Memory.ts"

export { HistoryBounds } from "./internal/HistoryBounds.ts"

/** A document as it stands there. */
export interface Stored {
  readonly text: string
  /** SHA-256 of the text's UTF-8 bytes, lower-case hexadecimal. */
  readonly hash: string
}

/** What a write has done. */
export interface Written {
  readonly hash: string
  /** What a foreign editor had saved in the last instant; the source has already put it into the history. */
  readonly overwritten?: { readonly hash: string }
}

/**
 * Why a document of the history never was in force. `refused`: it stood at the source, and a service refused it; kept without its secrets.
 * `overwritten`: somebody saved it, and it was replaced before it could come into force.
 */
export type NeverInForce = "refused" | "overwritten"

/** A document that was in force, or is kept though it was not; its text is had by `History.read`. */
export interface HistoryEntry {
  readonly hash: string
  /** Milliseconds since 1970; never earlier than the entry before it, whatever the clock did. */
  readonly at: number
  readonly bytes: number
  /** Of a step back: the entry it went back to, by its hash or the first 16 digits of it. */
  readonly backTo?: string
  /** It is kept so that nothing is lost; nobody goes back to it. Absent: it was in force. */
  readonly neverInForce?: NeverInForce
}

/** What there is to say of a document that is kept, beside its text. */
export interface Keeping {
  /** It is a step back to the entry of this hash. */
  readonly backTo?: string | undefined
  /** The hash of the document in whose place it came: where it stands after that one already, another process of this document has kept it. */
  readonly after?: string | undefined
  readonly neverInForce?: NeverInForce | undefined
}

/** Documents, newest first, within `HistoryBounds`. */
export interface History {
  readonly list: Effect.Effect<ReadonlyArray<HistoryEntry>, SourceUnavailable>
  /** The newest of this hash; one that was refused only where there is no other. */
  readonly read: (hash: string) => Effect.Effect<Stored | undefined, SourceUnavailable>
  /** Keeps a text under its hash; changes nothing where the newest that was in force is this one, or it has been kept since as what it is now. */
  readonly keep: (text: string, hash: string, keeping?: Keeping) => Effect.Effect<void, SourceUnavailable>
  /** Rewrites kept texts in place (used to blank secrets that were rotated out); their hashes, which name them, stay. */
  readonly rewrite: (f: (text: string) => string) => Effect.Effect<void, SourceUnavailable>
  /** Forgets every entry of this hash; one that is not there is no error. */
  readonly remove: (hash: string) => Effect.Effect<void, SourceUnavailable>
}

/** One document's place. A ConfigStore stands on it; hosts seldom call it. */
export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /** What people call this place: the file's path, `memory`. */
    readonly name: string
    /** A document that is not there fails with code `ENOENT`; one that cannot be read never does. */
    readonly read: Effect.Effect<Stored, SourceUnavailable>
    /** Puts `text` there if nothing is there (atomically, never over a file being saved) and answers what is there then. */
    readonly seed: (
      text: string,
    ) => Effect.Effect<Stored & { readonly seeded: boolean }, SourceUnavailable | Unconfirmed>
    /** Writes under the lock if the document's hash still is `ifHash`. `Unconfirmed` means: written and visible. */
    readonly write: (
      text: string,
      ifHash: string,
    ) => Effect.Effect<Written, Conflict | Unconfirmed | SourceUnavailable | Busy>
    /** Holds off the writers of other processes while `effect` runs; `write` within it does not lock again. */
    readonly exclusively: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Busy | SourceUnavailable, R>
    /** SHA-256 of the text's UTF-8 bytes, lower-case hexadecimal. */
    readonly hash: (text: string) => Effect.Effect<string>
    /**
     * Something may have changed. Debounced by the source (250 ms trailing, 2 s at most), silent about its own writes and about saves
     * that changed nothing. Begins with one hint as soon as it watches, so that nothing is lost between a read and the subscription.
     */
    readonly hints: Stream.Stream<void>
    readonly history: History
    /** What is wrong with the place though it works: a mode too wide, a watch that fell back to polling. For people. */
    readonly warnings: Effect.Effect<ReadonlyArray<string>>
  }
>()("@signalbox/core/ConfigSource") {
  /** Lives and dies with the process. Begins without a document, as an empty disk does; `MemoryDocument` is its foreign editor. */
  static readonly layerMemory: Layer.Layer<ConfigSource | MemoryDocument> = Layer.suspend(() => memory).pipe(
    Layer.provide(Digest.layerWebCrypto),
  )
}

/** What others than Signalbox do to a document in memory: tests and hosts without a disk edit through it. */
export class MemoryDocument extends Context.Service<
  MemoryDocument,
  {
    /** What stands there; `undefined`: nothing. */
    readonly text: Effect.Effect<string | undefined>
    /** As an editor saves: no lock, no comparison, a hint follows. `undefined` removes the document. */
    readonly save: (text: string | undefined) => Effect.Effect<void>
    /** Until it is called with `undefined`, reading and writing fail with this code; a hint follows. */
    readonly fail: (code: string | undefined) => Effect.Effect<void>
  }
>()("@signalbox/core/ConfigSource/MemoryDocument") {}

const memory = Layer.effectContext(
  Effect.map(makeMemory, ({ document, source }) =>
    Context.make(ConfigSource, ConfigSource.of(source)).pipe(Context.add(MemoryDocument, MemoryDocument.of(document))),
  ),
)
