/**
 * The configuration in force, typed, and every way to change it. A change is prepared, written, committed, published and remembered in this
 * order, one at a time; a bad one leaves everything as it was and says what is wrong and where. The snapshot lives in the Reconciler's
 * generations, so that a pinned request keeps the one with which it began. Where the document stands is the `ConfigSource`'s matter.
 */
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import { type Change, ConfigDocument, type Edit, type Migration, type Provenance } from "./ConfigDocument.ts"
import type { ConfigStoreError, Problem } from "./ConfigError.ts"
import { ConfigSource, type HistoryEntry, MemoryDocument } from "./ConfigSource.ts"
import type { EventBus } from "./EventBus.ts"
import { makeStore } from "./internal/ConfigStore/Store.ts"
import type { Reconciler } from "./Reconciler.ts"
import type * as Setting from "./Setting.ts"

export { StartOverrides, StrictStart } from "./internal/ConfigStore/Start.ts"

/** The configuration of one revision. Immutable. */
export interface Snapshot<out C> {
  /** 1, 2, 3 … as this process accepted them. */
  readonly revision: number
  /** SHA-256 of the document text, the same in every process. */
  readonly hash: string
  readonly config: C
}

/** What a change would do. */
export interface Plan {
  /** Against what is in force, redacted. */
  readonly changes: ReadonlyArray<Change>
  /** Paths that would be written and have no effect, because a higher layer hides them. */
  readonly shadowed: ReadonlyArray<string>
  /** Names of the services that would be rebuilt. */
  readonly rebuilt: ReadonlyArray<string>
  readonly restartRequired: ReadonlyArray<string>
  /** Who would refuse it and why; empty: it would be accepted. */
  readonly problems: ReadonlyArray<Problem>
  /** What would work and be worth a look. */
  readonly warnings: ReadonlyArray<Problem>
}

/** What a write has brought into force. */
export interface Accepted<out C> extends Snapshot<C> {
  /** Against what was in force before, redacted, at most 256; empty: nothing effective. */
  readonly changes: ReadonlyArray<Change>
  /** Paths of an update or a replacement that were written and have no effect, because a higher layer hides them. */
  readonly shadowed: ReadonlyArray<string>
  /** Those of `changes` that take effect only after a restart. */
  readonly restartRequired: ReadonlyArray<string>
}

/** A document of the history, redacted. */
export interface Past {
  readonly hash: string
  readonly text: string
}

/** What lies between two documents. */
export interface Differences {
  /** Whole hashes. */
  readonly from: string
  readonly to: string
  /** Redacted, at most 256. */
  readonly changes: ReadonlyArray<Change>
}

/** A document for people. */
export interface Shown {
  /** Without secrets: the redaction marker stands for each. */
  readonly text: string
  readonly hash: string
  readonly revision: number
}

/** Writes take effect at once or fail; `ifHash` makes them fail with `Conflict` where another document stands by now. */
export interface WriteOptions {
  readonly ifHash?: string
}

/**
 * What a ConfigStore can do. `snapshot` (and `get`) follow this fiber's pin; everything else speaks of what is in force now. Every write may
 * fail with `Rejected`, `Busy` (64 changes wait, or the lock is held), `SourceUnavailable` or `Unconfirmed`, and with `Conflict` where it names
 * an `ifHash` or an editor was quicker three times; all but `Unconfirmed` leave everything as it was.
 */
export interface Shape<in out C> {
  /** Of this fiber's pinned generation, else the one in force. */
  readonly snapshot: Effect.Effect<Snapshot<C>>
  /** Which layer a path's value comes from now, whatever is pinned. */
  readonly provenance: (path: string) => Effect.Effect<Provenance>
  /** What is in force now, whatever is pinned, as plain JSON: all layers, defaults filled in, the redaction marker for each secret. */
  readonly effective: Effect.Effect<Schema.Json>
  /** What edits or a whole text would do: everything is built for them and released again, nothing is written or said. */
  readonly plan: (wanted: ReadonlyArray<Edit> | string) => Effect.Effect<Plan, ConfigStoreError>
  /**
   * Applies edits to the document as it stands now. Values are written as the document has them (encoded, plain JSON: a secret as its text, no
   * `Redacted`, no `Duration`). `Rejected` while the document is refused by the schema: use `replace` or `undo`.
   */
  readonly update: (edits: ReadonlyArray<Edit>, options?: WriteOptions) => Effect.Effect<Accepted<C>, ConfigStoreError>
  /** Puts a whole text in the document's place; a redaction marker in it keeps the secret that stands there. */
  readonly replace: (text: string, options?: WriteOptions) => Effect.Effect<Accepted<C>, ConfigStoreError>
  /** Reads document and environment again and answers what changed. To ignore the environment lasts until a reload says otherwise. */
  readonly reload: (options?: {
    readonly ignoreEnvironment?: boolean
  }) => Effect.Effect<ReadonlyArray<Change>, ConfigStoreError>
  /** Documents that were in force, newest first, and between them, marked, those that are kept though they never were. */
  readonly history: Effect.Effect<ReadonlyArray<HistoryEntry>, ConfigStoreError>
  /** One of them (or the one in force) by its hash or an unambiguous beginning of it, 6 digits at least; else `NotKept`. */
  readonly past: (hash: string) => Effect.Effect<Past, ConfigStoreError>
  /**
   * What lies between two of them, named as for `past`; without `to` the one in force. Documents are compared, with their defaults and, unless
   * one of them needs it, without what stands above them. `Rejected` where one of them can no longer be read.
   */
  readonly differences: (from: string, to?: string) => Effect.Effect<Differences, ConfigStoreError>
  /**
   * Brings back what was in force before this document as a new change, with the secrets of today; `SecretNotKept` where that needs another
   * one, or would change nothing else; `NothingBefore` where the history has none. A refused document makes way for the one in force.
   */
  readonly undo: Effect.Effect<Accepted<C>, ConfigStoreError>
  /** Sets values above all other layers until the process ends, at most 1,024; `remove` lifts them. Nothing is written. Values as for `update`. */
  readonly override: (edits: ReadonlyArray<Edit>) => Effect.Effect<Accepted<C>, ConfigStoreError>
  /** The document in force now, whatever is pinned, for people. */
  readonly document: Effect.Effect<Shown>
  /** Why the document that stands at the source now is not in force; empty: it is. Pins do not matter. */
  readonly problems: Effect.Effect<ReadonlyArray<Problem>>
  /** What works now, whatever is pinned, and is worth a look: unknown keys with near names, keys that stand twice, a mode too wide, what the schema's owner remarks. */
  readonly warnings: Effect.Effect<ReadonlyArray<Problem>>
  /** What a revision has changed, redacted; `undefined` where it is not one of the newest eight. */
  readonly changesOf: (revision: number) => Effect.Effect<ReadonlyArray<Change> | undefined>
  readonly "~signalbox/ConfigStore": {
    /** Gives a setting its slice from now on, as long as the Scope lasts. */
    readonly bind: <Self, Id extends string, S extends Schema.Top>(
      setting: Setting.Class<Self, Id, S>,
      select: (config: C) => S["Type"],
    ) => Effect.Effect<Setting.Shape<S["Type"]>, never, Scope.Scope>
  }
}

/** A declared configuration: the service, and what makes it. */
export interface Class<in out Self, in out Id extends string, in out S extends Schema.Top>
  extends Context.ServiceClass<Self, Id, Shape<S["Type"]>> {
  /** Of the document, without its `version`. */
  readonly schema: S
  /** The document's version is `migrations.length + 1`: the two cannot disagree. */
  readonly version: number
  /** A part of this fiber's pinned configuration, else of the one in force. */
  readonly get: <A>(select: (config: S["Type"]) => A) => Effect.Effect<A, never, Self>
  /** Gives a setting its slice: in the same change as the snapshot, and unchanged where the slice is. */
  readonly setting: <Self2, Id2 extends string, S2 extends Schema.Top>(
    setting: Setting.Class<Self2, Id2, S2>,
    select: (config: S["Type"]) => S2["Type"],
  ) => Layer.Layer<Self2, never, Self>
  /**
   * Reads or seeds the document, then follows it. Fails where it cannot be read, or is refused and the history has none that would do (with
   * `StrictStart`: is refused). A document that a service refused in a process before is refused until a `reload`.
   */
  readonly layer: Layer.Layer<Self, ConfigStoreError, ConfigSource | Reconciler | EventBus>
  /** A document in memory that begins with this configuration. */
  readonly layerMemory: (initial: S["Type"]) => Layer.Layer<Self, never, Reconciler | EventBus>
}

/** What `Service` takes. */
export interface Options<S extends Schema.Top> {
  readonly schema: S
  /** `migrations[0]` lifts version 1 to 2, and so on. Plain JSON in, plain JSON out. */
  readonly migrations?: ReadonlyArray<Migration>
  /** `SIGNALBOX`: `/retention/events_days` can be set by `SIGNALBOX_RETENTION_EVENTS_DAYS`. Without it the environment is not asked. */
  readonly environmentPrefix?: string
  /** The first text of a new place, instead of the version and every default. */
  readonly seed?: string
}

/**
 * Declares a host's configuration:
 * ```ts
 * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
 *   schema: Schema.Struct({ models: ModelSettings.schema, retention: RetentionPolicy.schema })
 * }) {}
 * ```
 */
export const Service =
  <Self = never>() =>
  <
    const Id extends string,
    S extends Schema.Top & { readonly DecodingServices: never; readonly EncodingServices: never },
  >(
    id: Id,
    options: Options<S>,
  ): [Self] extends [never]
    ? "Missing `Self` generic - use `class Self extends ConfigStore.Service<Self>()(...)`"
    : Class<Self, Id, S> => {
    type Config = S["Type"]
    const key = Context.Service<Self, Shape<Config>>()(id)
    const layer = Layer.effect(
      key,
      Effect.suspend(() => makeStore<Config>(id, ConfigDocument.make(options))),
    )
    const members = {
      schema: options.schema,
      version: (options.migrations ?? []).length + 1,
      get: <A>(select: (config: Config) => A) =>
        Effect.flatMap(key, (store) => Effect.map(store.snapshot, ({ config }) => select(config))),
      setting: <Self2, Id2 extends string, S2 extends Schema.Top>(
        setting: Setting.Class<Self2, Id2, S2>,
        select: (config: Config) => S2["Type"],
      ) =>
        Layer.effect(
          setting,
          Effect.flatMap(key, (store) => store["~signalbox/ConfigStore"].bind(setting, select)),
        ),
      layer,
      layerMemory: (initial: Config) => inMemory(layer, documentOf(options, initial)),
    }
    // Whether `Self` was given cannot be decided inside: the conditional type stays open.
    return Object.assign(key, members) as never
  }

const documentOf = <S extends Schema.Top & { readonly EncodingServices: never }>(
  { migrations = [], schema }: Options<S>,
  initial: S["Type"],
) =>
  Effect.map(Schema.encodeEffect(schema)(initial), (encoded) =>
    JSON.stringify({ version: migrations.length + 1, ...Object(encoded) }, undefined, 2),
  )

const inMemory = <Self, E>(
  layer: Layer.Layer<Self, ConfigStoreError, ConfigSource | Reconciler | EventBus>,
  text: Effect.Effect<string, E>,
): Layer.Layer<Self, never, Reconciler | EventBus> =>
  layer.pipe(
    Layer.provide(
      Layer.effectDiscard(
        Effect.flatMap(MemoryDocument, (document) => Effect.flatMap(text, (text) => document.save(text))),
      ),
    ),
    Layer.provide(ConfigSource.layerMemory),
    Layer.orDie,
  )
