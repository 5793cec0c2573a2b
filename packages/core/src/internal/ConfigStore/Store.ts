/** One running store: its start, its operations, its settings, and the fiber that follows the hints of the source. */
import { ConfigProvider, Effect, type Latch, Schedule, type Schema, type Scope, Stream } from "effect"
import type { ConfigDocument, Edit } from "../../ConfigDocument.ts"
import { type ConfigReason, ConfigStoreError, type Problem } from "../../ConfigError.ts"
import { ConfigSource } from "../../ConfigSource.ts"
import { EventBus } from "../../EventBus.ts"
import { Reconciler } from "../../Reconciler.ts"
import * as Setting from "../../Setting.ts"
import { withOpaqueSpan } from "../OpaqueSpan.ts"
import { type Acceptance, makeAcceptance } from "./Acceptance.ts"
import { makeChanges } from "./Changes.ts"
import { makeEnvironment, VariableNames } from "./Environment.ts"
import { layersOf } from "./Layering.ts"
import { makePastDocuments } from "./PastDocuments.ts"
import type { Accepted, RedactedDocument, Snapshot, WriteOptions } from "./Results.ts"
import type { StoreChange } from "./Source.ts"
import { StartOverrides, StrictStart, startStore } from "./Start.ts"
import type { Dependencies } from "./State.ts"

export const makeStore = <C>(
  id: string,
  document: ConfigDocument<C>,
  checkEdits: Dependencies<C>["checkEdits"] = () => [],
) =>
  Effect.gen(function* () {
    const source = yield* ConfigSource
    const reconciler = yield* Reconciler
    const dependencies: Dependencies<C> = { id, document, checkEdits, source, bus: yield* EventBus }
    const provider = yield* ConfigProvider.ConfigProvider
    const names = yield* VariableNames
    const first = { environment: makeEnvironment(provider, names), runtime: yield* StartOverrides }
    const start = startStore(dependencies, first, yield* StrictStart)
    const started = yield* Effect.mapError(reconciler.run(start, { whenFull: "wait" }), toError)
    const acceptance = makeAcceptance(dependencies, started)
    const changes = makeChanges(dependencies, acceptance)
    const history = makePastDocuments(dependencies, acceptance)
    const take = reconciler.run(changes.take("file"), { whenFull: "wait" })
    yield* Effect.forkScoped(follow(source, acceptance.refusals.unreadable, take))

    const traced = (name: string) => withOpaqueSpan(`ConfigStore.${name}`, { attributes: { "store.id": id } })
    const run = <A>(name: string, change: StoreChange<A>): Effect.Effect<A, ConfigStoreError> =>
      Effect.mapError(reconciler.run(change), toError).pipe(traced(name))
    const write = (name: string, change: StoreChange<Snapshot<C>>, wanted: ReadonlyArray<Edit> | string = []) =>
      run(name, (transaction) =>
        Effect.gen(function* () {
          const before = acceptance.inForce
          const snapshot = yield* change(transaction)
          const shadowed = yield* changes.shadowed(wanted, before.stored.text)
          return accepted(acceptance, before.snapshot, snapshot, shadowed, yield* warnings)
        }),
      )

    const warnings = Effect.map(
      source.warnings,
      (messages): ReadonlyArray<Problem> => [
        ...messages.map((message) => ({ by: "source", path: "", message })),
        ...acceptance.inForce.loaded.warnings,
      ],
    )
    const layers = () => layersOf(acceptance.inForce.layering)

    return {
      // The map cannot know that only this store writes this key. A hot path: no span.
      snapshot: Effect.map(reconciler.read(id), (snapshot) => snapshot as Snapshot<C>),
      provenance: Effect.fn("ConfigStore.provenance")((path: string) =>
        Effect.sync(() => document.provenance(acceptance.inForce.loaded, layers(), path)),
      ),
      effective: Effect.sync(() => document.reveal(acceptance.inForce.loaded)).pipe(traced("effective")),
      effectiveAt: Effect.fn("ConfigStore.effectiveAt")((path: string) =>
        Effect.sync(() => document.revealAt(acceptance.inForce.loaded, path)),
      ),
      plan: (wanted: ReadonlyArray<Edit> | string) => run("plan", changes.plan(wanted)),
      update: (edits: ReadonlyArray<Edit>, options?: WriteOptions) =>
        write("update", changes.update(edits, options?.ifHash), edits),
      replace: (text: string, options?: WriteOptions) => write("replace", changes.replace(text, options?.ifHash), text),
      reload: (options?: { readonly ignoreEnvironment?: boolean }) =>
        run("reload", (transaction) => {
          const ignored = options?.ignoreEnvironment ?? acceptance.inForce.layering.environment === undefined
          return changes.reload(ignored ? undefined : makeEnvironment(provider, names))(transaction)
        }),
      history: Effect.mapError(source.history.list, toError).pipe(traced("history")),
      past: (hash: string) => Effect.mapError(history.past(hash), toError).pipe(traced("past")),
      differences: (from: string, to?: string) =>
        Effect.mapError(history.differences(from, to), toError).pipe(traced("differences")),
      undo: write("undo", changes.undo),
      override: (edits: ReadonlyArray<Edit>) => write("override", changes.override(edits)),
      document: Effect.sync(() => redacted(document, acceptance)),
      problems: Effect.sync(() => {
        const { status } = acceptance.refusals
        return status._tag === "InForce" ? [] : status.problems
      }),
      warnings: warnings.pipe(traced("warnings")),
      changesOf: (revision: number) => Effect.sync(() => acceptance.recent.changesOf(revision)),
      "~signalbox/ConfigStore": { bind: binder(reconciler, acceptance) },
    }
  })

const toError = (reason: ConfigReason) => new ConfigStoreError({ reason })

/** Changes run one at a time: the changes of the revision are those of this write. */
const accepted = <C>(
  { recent }: Acceptance<C>,
  before: Snapshot<C>,
  snapshot: Snapshot<C>,
  shadowed: ReadonlyArray<string>,
  warnings: ReadonlyArray<Problem>,
): Accepted<C> => {
  const { revision } = snapshot
  if (revision === before.revision) return { ...snapshot, shadowed, warnings, changes: [], restartRequired: [] }
  const changes = recent.changesOf(revision) ?? []
  return { ...snapshot, shadowed, warnings, changes, restartRequired: recent.restartsOf(revision) }
}

const redacted = <C>(document: ConfigDocument<C>, { inForce }: Acceptance<C>): RedactedDocument => {
  const { snapshot, stored } = inForce
  let text: string | undefined
  return {
    // Most callers need the hash alone.
    get text() {
      text ??= document.redact(stored.text)
      return text
    },
    hash: stored.hash,
    revision: snapshot.revision,
  }
}

/** A `select` that fails on the first configuration is a defect of the host: there is no earlier value to keep. */
const binder =
  <C>(reconciler: Reconciler["Service"], acceptance: Acceptance<C>) =>
  <Self, Id extends string, S extends Schema.Top>(
    setting: Setting.Class<Self, Id, S>,
    select: (config: C) => S["Type"],
  ): Effect.Effect<Setting.Shape<S["Type"]>, never, Scope.Scope> =>
    Effect.gen(function* () {
      const binding = { key: setting.key, select }
      // The Scope of an interrupted caller closes before its change runs.
      let closed = false
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          closed = true
          acceptance.bindings.delete(binding)
        }),
      )
      yield* reconciler.run(
        (transaction) =>
          Effect.gen(function* () {
            if (closed) return
            const values = new Map([[setting.key, select(acceptance.inForce.snapshot.config)]])
            const prepared = yield* transaction.prepare(values)
            if (!closed) acceptance.bindings.add(binding)
            yield* prepared.commit([])
          }),
        { whenFull: "wait" },
      )
      return Setting.bind(setting, reconciler)
    }).pipe(Effect.orDie)

const retryDelay = "5 seconds"

/**
 * Takes the document at each hint; hints that arrive while one is taken count as one. No hint reports that an unreadable document became
 * readable, so it is tried again every 5 seconds. Problems with a save are published: only defects are left here.
 */
const follow = <E>(source: ConfigSource["Service"], unreadable: Latch.Latch, take: Effect.Effect<unknown, E>) =>
  Stream.merge(source.hints, whileOpen(unreadable)).pipe(
    Stream.buffer({ capacity: 1, strategy: "sliding" }),
    Stream.runForEach(() =>
      Effect.ignore(take).pipe(
        Effect.catchDefect((defect) => Effect.logError("A saved document could not be taken", defect)),
      ),
    ),
    Effect.tapDefect((defect) => Effect.logError(`Watching ${source.name} has failed; it starts again`, defect)),
    Effect.sandbox,
    Effect.retry(Schedule.spaced(retryDelay)),
  )

/** One element every 5 seconds while the latch is open. */
const whileOpen = (latch: Latch.Latch): Stream.Stream<void> =>
  Stream.fromEffectRepeat(latch.await.pipe(Effect.andThen(Effect.sleep(retryDelay)), Effect.andThen(latch.await)))
