/** One store at work: its beginning, its members, its settings, and the fiber that follows the source's hints. */
import { ConfigProvider, Effect, Schedule, type Schema, type Scope, Stream } from "effect"
import type { ConfigDocument, Edit } from "../../ConfigDocument.ts"
import { type ConfigReason, ConfigStoreError } from "../../ConfigError.ts"
import { ConfigSource } from "../../ConfigSource.ts"
import type { Accepted, Shape, Snapshot, WriteOptions } from "../../ConfigStore.ts"
import { EventBus } from "../../EventBus.ts"
import { Reconciler, type Transaction } from "../../Reconciler.ts"
import * as Setting from "../../Setting.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import { type Acceptance, makeAcceptance } from "./Acceptance.ts"
import { makeChanges } from "./Changes.ts"
import { makeEnvironment } from "./Environment.ts"
import { layersOf } from "./Layering.ts"
import { makePasts } from "./Past.ts"
import { begin, StartOverrides, StrictStart } from "./Start.ts"

export const makeStore = <C>(id: string, document: ConfigDocument<C>) =>
  Effect.gen(function* () {
    const source = yield* ConfigSource
    const reconciler = yield* Reconciler
    const surroundings = { id, document, source, bus: yield* EventBus }
    const provider = yield* ConfigProvider.ConfigProvider
    const first = { environment: makeEnvironment(provider), runtime: yield* StartOverrides }
    const start = begin(surroundings, first, yield* StrictStart)
    const begun = yield* Effect.mapError(reconciler.run(start, { whenFull: "wait" }), failed)
    const acceptance = makeAcceptance(surroundings, begun)
    const changes = makeChanges(surroundings, acceptance)
    const pasts = makePasts(surroundings, acceptance)
    const unread = () => acceptance.refused !== undefined && acceptance.refused.hash === undefined
    yield* Effect.forkScoped(follow(source, unread, reconciler.run(changes.take("file"), { whenFull: "wait" })))

    const run = <A>(
      name: string,
      change: (transaction: Transaction) => Effect.Effect<A, ConfigReason, Scope.Scope>,
    ): Effect.Effect<A, ConfigStoreError> =>
      Effect.mapError(reconciler.run(change), failed).pipe(
        withOpaqueSpan(`ConfigStore.${name}`, { attributes: { "store.id": id } }),
      )
    /** One change at a time: what the revision has changed is what this one has. */
    const write = (
      name: string,
      change: (transaction: Transaction) => Effect.Effect<Snapshot<C>, ConfigReason, Scope.Scope>,
      wanted: ReadonlyArray<Edit> | string = [],
    ) =>
      run(name, (transaction) =>
        Effect.gen(function* () {
          const before = acceptance.state
          const snapshot = yield* change(transaction)
          const shadowed = yield* changes.shadowed(wanted, before.stored.text)
          const accepted: Accepted<C> =
            snapshot.revision === before.snapshot.revision
              ? { ...snapshot, shadowed, changes: [], restartRequired: [] }
              : {
                  ...snapshot,
                  shadowed,
                  changes: acceptance.changesOf(snapshot.revision) ?? [],
                  restartRequired: acceptance.restartsOf(snapshot.revision),
                }
          return accepted
        }),
      )
    const layers = () => layersOf(acceptance.state.layering)

    return {
      // The map cannot know that this store alone writes this key.
      snapshot: Effect.map(reconciler.read(id), (snapshot) => snapshot as Snapshot<C>),
      provenance: (path: string) => Effect.sync(() => document.provenance(acceptance.state.loaded, layers(), path)),
      effective: Effect.sync(() => document.reveal(acceptance.state.loaded)),
      plan: (wanted: ReadonlyArray<Edit> | string) => run("plan", changes.plan(wanted)),
      update: (edits: ReadonlyArray<Edit>, options?: WriteOptions) =>
        write("update", changes.update(edits, options?.ifHash), edits),
      replace: (text: string, options?: WriteOptions) => write("replace", changes.replace(text, options?.ifHash), text),
      reload: (options?: { readonly ignoreEnvironment?: boolean }) =>
        run("reload", (transaction) => {
          const ignored = options?.ignoreEnvironment ?? acceptance.state.layering.environment === undefined
          return changes.reload(ignored ? undefined : makeEnvironment(provider))(transaction)
        }),
      history: Effect.mapError(source.history.list, failed),
      past: (hash: string) => Effect.mapError(pasts.past(hash), failed),
      differences: (from: string, to?: string) => Effect.mapError(pasts.differences(from, to), failed),
      undo: write("undo", changes.undo),
      override: (edits: ReadonlyArray<Edit>) => write("override", changes.override(edits)),
      document: Effect.sync(() => {
        const { snapshot, stored } = acceptance.state
        return { text: document.redact(stored.text), hash: stored.hash, revision: snapshot.revision }
      }),
      problems: Effect.sync(() => acceptance.refused?.problems ?? []),
      warnings: Effect.map(source.warnings, (messages) => [
        ...messages.map((message) => ({ by: "source", path: "", message })),
        ...acceptance.state.loaded.warnings,
      ]),
      changesOf: (revision: number) => Effect.sync(() => acceptance.changesOf(revision)),
      "~signalbox/ConfigStore": { bind: binder(reconciler, acceptance) },
    } satisfies Shape<C>
  })

const failed = (reason: ConfigReason) => new ConfigStoreError({ reason })

/** A slice that cannot be taken from the first configuration is a defect of the host: there is nothing before it to keep. */
const binder =
  <C>(reconciler: Reconciler["Service"], acceptance: Acceptance<C>) =>
  <Self, Id extends string, S extends Schema.Top>(
    setting: Setting.Class<Self, Id, S>,
    select: (config: C) => S["Type"],
  ): Effect.Effect<Setting.Shape<S["Type"]>, never, Scope.Scope> =>
    Effect.gen(function* () {
      const binding = { key: setting.key, select }
      // Who is interrupted while he waits for his turn has closed his Scope before it comes.
      let gone = false
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          gone = true
          acceptance.bindings.delete(binding)
        }),
      )
      yield* reconciler.run(
        (transaction) =>
          Effect.gen(function* () {
            if (gone) return
            const values = new Map([[setting.key, select(acceptance.state.snapshot.config)]])
            const prepared = yield* transaction.prepare(values)
            if (!gone) acceptance.bindings.add(binding)
            yield* prepared.commit([])
          }),
        { whenFull: "wait" },
      )
      return Setting.bind(setting, reconciler)
    }).pipe(Effect.orDie)

// A document that could not be read while a caller waited has not changed for that: no hint says when it can be read again.
const patience = "5 seconds"

/** One hint at a time; those that come meanwhile are one. What is wrong with a save is published, so here only defects are left. */
const follow = <E>(source: ConfigSource["Service"], unread: () => boolean, take: Effect.Effect<unknown, E>) =>
  Stream.merge(source.hints, Stream.filter(Stream.tick(patience), unread)).pipe(
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() =>
      Effect.ignore(take).pipe(
        Effect.catchDefect((defect) => Effect.logError("A save could not be looked at", defect)),
      ),
    ),
    Effect.tapDefect((defect) => Effect.logError(`Watching ${source.name} has failed; it begins again`, defect)),
    Effect.sandbox,
    Effect.retry(Schedule.spaced(patience)),
  )
