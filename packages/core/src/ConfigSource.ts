/**
 * The storage of the configuration document: read, compare-and-set write, hints of changes, history. A hint reports only that the document may have
 * changed. `FileConfigSource` stores the document in a file, `MemoryConfigSource` in memory.
 */
import { Context, type Effect, type Stream } from "effect"
import type { Busy, Conflict, SourceUnavailable, Unconfirmed } from "./ConfigError.ts"
import type { History, Stored } from "./internal/History.ts"

export {
  type History,
  HistoryBounds,
  type HistoryEntry,
  type Keeping,
  type NeverInForce,
  type Stored,
} from "./internal/History.ts"

/** The result of a write. */
export interface Written {
  readonly hash: string
  /** Present if an editor saved the document in the same instant. The source has already kept that text in the history. */
  readonly overwritten?: { readonly hash: string }
}

/**
 * The storage of one configuration document.
 *
 * **When to use**
 *
 * A `ConfigStore` reads and writes through this service. A host provides one layer of it and seldom calls it; a new kind of storage implements it
 * and runs `testing/ConfigSourceSuite`.
 *
 * **Example** (Writing only over the document that was read)
 *
 * ```ts
 * import { ConfigSource, MemoryConfigSource } from "@signalbox/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const source = yield* ConfigSource
 *   const seeded = yield* source.seed("{}")
 *   yield* source.write(`{ "version": 1 }`, seeded.hash)
 *   return yield* Effect.flip(source.write("{}", seeded.hash))
 * })
 *
 * const error = await Effect.runPromise(Effect.provide(program, MemoryConfigSource.layer))
 * if (error._tag !== "Conflict") throw error
 * ```
 */
export class ConfigSource extends Context.Service<
  ConfigSource,
  {
    /** The name for people: the file's path, or `memory`. */
    readonly name: string
    /** Returns the document. Code `ENOENT` means that there is none; a document that cannot be read fails with another code. */
    readonly read: Effect.Effect<Stored, SourceUnavailable>
    /** Creates the document if there is none, atomically and never over a file that is being saved. Returns the document that is there then. */
    readonly seed: (
      text: string,
    ) => Effect.Effect<Stored & { readonly seeded: boolean }, SourceUnavailable | Unconfirmed>
    /** Replaces the document under the lock if its hash is still `ifHash`. `Unconfirmed`: it was replaced, but a power cut may undo that. */
    readonly write: (
      text: string,
      ifHash: string,
    ) => Effect.Effect<Written, Conflict | Unconfirmed | SourceUnavailable | Busy>
    /** Holds the lock against other writers while `effect` runs. Calls of `write` inside do not lock again. */
    readonly exclusively: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | Busy | SourceUnavailable, R>
    /** SHA-256 of the text's UTF-8 bytes, lower-case hexadecimal. */
    readonly hash: (text: string) => Effect.Effect<string>
    /**
     * Emits when the document may have changed: 250 ms after the last sign of a change, 2 s after the first at the latest. Writes of this source and
     * saves of the same text emit nothing. The first element marks the start of the observation: a read after it misses no change.
     */
    readonly hints: Stream.Stream<void>
    readonly history: History
    /** Sentences for people about conditions that are unsafe but work: a mode that is too wide, a directory that cannot be watched. */
    readonly warnings: Effect.Effect<ReadonlyArray<string>>
  }
>()("@signalbox/core/ConfigSource") {}
