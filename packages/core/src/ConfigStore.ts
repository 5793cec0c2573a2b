/**
 * The typed configuration in force, and every way to change it. A change is prepared, written, committed, published and remembered, one at a
 * time. A change that is refused leaves everything as it was and reports what is wrong and where. The snapshot is part of the Reconciler's
 * generations, so that a request keeps the one that it has pinned. The `ConfigSource` decides where the document is stored.
 */
import { Context, Effect, Layer, Schema, type Scope } from "effect"
import * as ConfigDocument from "./ConfigDocument.ts"
import type { ConfigStoreError, Problem } from "./ConfigError.ts"
import type { ConfigSource, HistoryEntry } from "./ConfigSource.ts"
import type { EventBus } from "./EventBus.ts"
import type {
  Accepted,
  Differences,
  Past,
  Plan,
  RedactedDocument,
  Snapshot,
  WriteOptions,
} from "./internal/ConfigStore/Results.ts"
import { makeStore } from "./internal/ConfigStore/Store.ts"
import { MemoryDocument, layer as memoryLayer } from "./MemoryConfigSource.ts"
import type { Reconciler } from "./Reconciler.ts"
import type * as Setting from "./Setting.ts"

export { VariableNames } from "./internal/ConfigStore/Environment.ts"
export type {
  Accepted,
  Differences,
  Past,
  Plan,
  RedactedDocument,
  Snapshot,
  WriteOptions,
} from "./internal/ConfigStore/Results.ts"
export { StartOverrides, StrictStart } from "./internal/ConfigStore/Start.ts"

/**
 * The operations of a ConfigStore. `snapshot` and `get` follow the pin of the calling fiber; everything else refers to the configuration in
 * force now.
 *
 * Every write may fail with `Rejected`, `Busy` (64 changes wait, or the lock is held), `SourceUnavailable` or `Unconfirmed`, and with
 * `Conflict` if it has an `ifHash` or if an editor was quicker three times. Only after `Unconfirmed` is the change in force.
 */
export interface Shape<in out C> {
  /** The snapshot of this fiber's pinned generation, else the one in force. */
  readonly snapshot: Effect.Effect<Snapshot<C>>
  /** The layer from which the value at a path comes. */
  readonly provenance: (path: string) => Effect.Effect<ConfigDocument.Provenance>
  /** The configuration in force as plain JSON: all layers, defaults filled in, the redaction marker in place of each secret. */
  readonly effective: Effect.Effect<Schema.Json>
  /** The value at a path of `effective`, or `undefined`. Costs less than the whole. */
  readonly effectiveAt: (path: string) => Effect.Effect<Schema.Json | undefined>
  /**
   * Returns what edits or a whole text would do. Builds everything for them and releases it again; writes and publishes nothing.
   *
   * **Example** (Showing the effect of an edit without writing it)
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert"
   * import { ConfigStore, EventBus, Reconciler } from "@signalbox/core"
   * import { Effect, Layer, Schema } from "effect"
   *
   * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
   *   schema: Schema.Struct({ limit: Schema.Int }),
   * }) {}
   *
   * const program = Effect.gen(function* () {
   *   const store = yield* AppConfig
   *   const { changes, problems } = yield* store.plan([{ path: "/limit", value: 5 }])
   *   deepStrictEqual(problems, [])
   *   return changes
   * })
   *
   * const host = ConfigStore.layerMemory(AppConfig, { limit: 3 }).pipe(
   *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
   * )
   * const changes = await Effect.runPromise(Effect.provide(program, host))
   * deepStrictEqual(changes, [{ path: "/limit", before: 3, after: 5 }])
   * ```
   */
  readonly plan: (wanted: ReadonlyArray<ConfigDocument.Edit> | string) => Effect.Effect<Plan, ConfigStoreError>
  /**
   * Applies edits to the document at the source.
   *
   * **Details**
   *
   * Values are written as the document spells them: encoded, plain JSON, a secret as its text. Comments and formatting stay. Fails with
   * `Rejected` while the document itself is refused: use `replace` or `undo` then.
   *
   * **Example** (Changing one value)
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert"
   * import { ConfigStore, EventBus, Reconciler } from "@signalbox/core"
   * import { Effect, Layer, Schema } from "effect"
   *
   * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
   *   schema: Schema.Struct({ limit: Schema.Int })
   * }) {}
   *
   * const program = Effect.gen(function* () {
   *   const store = yield* AppConfig
   *   const { changes, revision } = yield* store.update([{ path: "/limit", value: 20 }])
   *   return { changes, revision }
   * })
   *
   * const result = await program.pipe(
   *   Effect.provide(ConfigStore.layerMemory(AppConfig, { limit: 10 })),
   *   Effect.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
   *   Effect.runPromise
   * )
   * deepStrictEqual(result, { revision: 2, changes: [{ path: "/limit", before: 10, after: 20 }] })
   * ```
   */
  readonly update: (
    edits: ReadonlyArray<ConfigDocument.Edit>,
    options?: WriteOptions,
  ) => Effect.Effect<Accepted<C>, ConfigStoreError>
  /** Replaces the whole text. A redaction marker in it keeps the secret at that place. */
  readonly replace: (text: string, options?: WriteOptions) => Effect.Effect<Accepted<C>, ConfigStoreError>
  /** Reads document and environment again and returns what changed. The environment stays ignored until the next reload without it. */
  readonly reload: (options?: {
    readonly ignoreEnvironment?: boolean
  }) => Effect.Effect<ReadonlyArray<ConfigDocument.Change>, ConfigStoreError>
  /** The documents that were in force, newest first, and among them, marked, kept documents that never were. */
  readonly history: Effect.Effect<ReadonlyArray<HistoryEntry>, ConfigStoreError>
  /** Returns a document of the history, or the one in force, by its hash or the first digits of it (at least 6). Fails with `NotKept`. */
  readonly past: (hash: string) => Effect.Effect<Past, ConfigStoreError>
  /**
   * Compares two documents, named as for `past`; without `to`, the one in force.
   *
   * **Details**
   *
   * Defaults are filled in. Higher layers are left out, unless one of the documents does not load without them. Fails with `Rejected` if a
   * document no longer loads.
   */
  readonly differences: (from: string, to?: string) => Effect.Effect<Differences, ConfigStoreError>
  /**
   * Brings the document before the one in force back, as a new change and with the current secrets.
   *
   * **Details**
   *
   * Fails with `SecretNotKept` if that document needs another secret, or differs in a secret alone, and with `NothingBefore` if the history
   * has none. If the document at the source is refused, the one in force replaces it.
   *
   * **Example** (Taking a change back)
   *
   * ```ts
   * import { deepStrictEqual } from "node:assert"
   * import { ConfigStore, EventBus, Reconciler } from "@signalbox/core"
   * import { Effect, Layer, Schema } from "effect"
   *
   * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
   *   schema: Schema.Struct({ limit: Schema.Int })
   * }) {}
   *
   * const program = Effect.gen(function* () {
   *   const store = yield* AppConfig
   *   yield* store.update([{ path: "/limit", value: 20 }])
   *   return (yield* store.undo).config
   * })
   *
   * const config = await program.pipe(
   *   Effect.provide(ConfigStore.layerMemory(AppConfig, { limit: 10 })),
   *   Effect.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer)),
   *   Effect.runPromise
   * )
   * deepStrictEqual(config, { limit: 10 })
   * ```
   */
  readonly undo: Effect.Effect<Accepted<C>, ConfigStoreError>
  /** Sets values above all other layers until the process ends, at most 1,024; `remove` lifts them. Writes nothing. Values as for `update`. */
  readonly override: (edits: ReadonlyArray<ConfigDocument.Edit>) => Effect.Effect<Accepted<C>, ConfigStoreError>
  /** The document in force, redacted. */
  readonly document: Effect.Effect<RedactedDocument>
  /** Why the document at the source is not in force; empty if it is. */
  readonly problems: Effect.Effect<ReadonlyArray<Problem>>
  /** Accepted parts that deserve a look: unknown keys with near names, repeated keys, a file mode that is too wide, warnings of the schema. */
  readonly warnings: Effect.Effect<ReadonlyArray<Problem>>
  /** The changes of a revision, redacted; `undefined` if it is not one of the newest eight. */
  readonly changesOf: (revision: number) => Effect.Effect<ReadonlyArray<ConfigDocument.Change> | undefined>
  readonly "~signalbox/ConfigStore": {
    /** Gives a setting its slice from now on, as long as the Scope lasts. */
    readonly bind: <Self, Id extends string, S extends Schema.Top>(
      setting: Setting.Class<Self, Id, S>,
      select: (config: C) => S["Type"],
    ) => Effect.Effect<Setting.Shape<S["Type"]>, never, Scope.Scope>
  }
}

/** A declared configuration: the service and its layers. */
export interface Class<in out Self, in out Id extends string, in out S extends Schema.Top>
  extends Context.ServiceClass<Self, Id, Shape<S["Type"]>> {
  /** The schema of the document, without its `version`. */
  readonly schema: S
  /** `migrations.length + 1`. */
  readonly version: number
  /** Returns a part of this fiber's pinned configuration, else of the one in force. */
  readonly get: <A>(select: (config: S["Type"]) => A) => Effect.Effect<A, never, Self>
  /**
   * Gives a setting its slice of the configuration, in the same change as the snapshot. A slice that is equal keeps its identity, so that
   * services that need it are not rebuilt.
   */
  readonly setting: <Self2, Id2 extends string, S2 extends Schema.Top>(
    setting: Setting.Class<Self2, Id2, S2>,
    select: (config: S["Type"]) => S2["Type"],
  ) => Layer.Layer<Self2, never, Self>
  /**
   * Reads the document, or writes a first one, then follows it.
   *
   * **Details**
   *
   * If the document is refused, the newest good one of the history comes into force, and the layer fails only if there is none (with
   * `StrictStart`: always). A document that a service refused in an earlier process is refused until a `reload`.
   */
  readonly layer: Layer.Layer<Self, ConfigStoreError, ConfigSource | Reconciler | EventBus>
}

/** Options of `Service`. */
export interface Options<S extends Schema.Top> {
  readonly schema: S
  /** `migrations[0]` changes a document of version 1 to version 2, and so on. Plain JSON in, plain JSON out. */
  readonly migrations?: ReadonlyArray<ConfigDocument.Migration>
  /** `SIGNALBOX`: `/retention/events_days` can be set by `SIGNALBOX_RETENTION_EVENTS_DAYS`. Without it the environment is not read. */
  readonly environmentPrefix?: string
  /** The first document of a new source, instead of the version and every default. */
  readonly seed?: string
  /**
   * Refuses edits of `update` and `plan` that leave a valid configuration with a mistake at these paths, such as a reference to something that does
   * not exist. A saved or imported document with the same mistake is accepted: use `ConfigDocument.withWarnings` to report it.
   */
  readonly checkEdits?: (
    config: S["Type"],
    paths: ReadonlyArray<ReadonlyArray<string>>,
  ) => ReadonlyArray<ConfigDocument.Remark>
}

/**
 * Declares a host's configuration.
 *
 * **Example** (A configuration and a setting that follows it)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { ConfigStore, EventBus, Reconciler, Setting } from "@signalbox/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Limit extends Setting.Service<Limit>()("app/Limit", Schema.Int) {}
 *
 * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
 *   schema: Schema.Struct({ limit: Limit.schema })
 * }) {}
 *
 * const layer = AppConfig.setting(Limit, (config) => config.limit).pipe(
 *   Layer.provideMerge(ConfigStore.layerMemory(AppConfig, { limit: 10 })),
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer))
 * )
 *
 * strictEqual(await Effect.runPromise(Effect.provide(Limit.get, layer)), 10)
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
      Effect.suspend(() => makeStore<Config>(id, ConfigDocument.make(options), options.checkEdits)),
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
    }
    // The conditional type on `Self` cannot be decided here.
    return Object.assign(key, members) as never
  }

/**
 * Keeps the document of a declared configuration in memory, with `initial` as its first.
 *
 * **Example** (A configuration without a disk)
 *
 * ```ts
 * import { strictEqual } from "node:assert"
 * import { ConfigStore, EventBus, Reconciler } from "@signalbox/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class AppConfig extends ConfigStore.Service<AppConfig>()("app/AppConfig", {
 *   schema: Schema.Struct({ limit: Schema.Int })
 * }) {}
 *
 * const layer = ConfigStore.layerMemory(AppConfig, { limit: 3 }).pipe(
 *   Layer.provide(Layer.provideMerge(Reconciler.layer, EventBus.layer))
 * )
 *
 * strictEqual(await Effect.runPromise(Effect.provide(AppConfig.get(({ limit }) => limit), layer)), 3)
 * ```
 */
export const layerMemory = <Self, Id extends string, S extends Schema.Top & { readonly EncodingServices: never }>(
  { layer, schema, version }: Class<Self, Id, S>,
  initial: S["Type"],
): Layer.Layer<Self, never, Reconciler | EventBus> => {
  const text = Effect.map(Schema.encodeEffect(schema)(initial), (encoded) =>
    JSON.stringify({ version, ...Object(encoded) }, undefined, 2),
  )
  const save = Effect.flatMap(MemoryDocument, (document) => Effect.flatMap(text, document.save))
  return layer.pipe(Layer.provide(Layer.effectDiscard(save)), Layer.provide(memoryLayer), Layer.orDie)
}
