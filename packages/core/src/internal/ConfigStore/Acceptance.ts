/**
 * The way from a candidate to the configuration in force: prepare, keep what it replaces, write, commit, remember. Where the candidate comes
 * from does not matter here.
 */
import { Effect, type Scope } from "effect"
import type { Change, Difference, Loaded } from "../../ConfigDocument.ts"
import type { Problem, Rejected, SourceUnavailable, Unconfirmed } from "../../ConfigError.ts"
import { ConfigOverwritten, type Origin } from "../../ConfigEvents.ts"
import type { AnyEvent } from "../../Event.ts"
import type { Prepared, Transaction } from "../../Reconciler.ts"
import { type Binding, settingValues } from "./Bindings.ts"
import { keepAccepted, keepRefused } from "./HistoryWriter.ts"
import { type Layering, loadWith } from "./Layering.ts"
import { RecentChanges } from "./RecentChanges.ts"
import { makeRefusals, type Refusals, restoredEvents } from "./Refusals.ts"
import { changedEvent, isEffective, logNewWarnings, migratedEvents, rotatesSecret } from "./Reports.ts"
import type { Snapshot } from "./Results.ts"
import { type Candidate, type Dependencies, hashOf, type InForce, type SourceStatus, type WriteError } from "./State.ts"

export interface Acceptance<C> {
  readonly inForce: InForce<C>
  readonly refusals: Refusals
  readonly recent: RecentChanges
  /** Of several for one setting the last counts. */
  readonly bindings: Set<Binding<C>>
  readonly load: (
    text: string,
    layering: Layering,
    previous?: Loaded<C>,
  ) => Effect.Effect<Loaded<C>, ReadonlyArray<Problem>>
  /** Builds everything that depends on the candidate and writes nothing. */
  readonly prepare: (
    transaction: Transaction,
    candidate: Pick<Candidate<C>, "stored" | "loaded">,
  ) => Effect.Effect<Ready<C>, ReadonlyArray<Problem>, Scope.Scope>
  /** Puts the candidate into force, or refuses it and changes nothing. */
  readonly accept: (
    transaction: Transaction,
    candidate: Candidate<C>,
  ) => Effect.Effect<Snapshot<C>, Rejected | WriteError, Scope.Scope>
  /** The document at the source is the one in force. Publishes `config.restored` if it was refused. */
  readonly acceptDocument: (origin: Origin) => Effect.Effect<void>
}

/** The state that a process starts with. */
export interface Started<C> {
  readonly inForce: InForce<C>
  readonly status: SourceStatus
  /** Since the last process. */
  readonly changes: ReadonlyArray<Change>
}

/** A candidate for which everything is built. */
export type Ready<C> =
  /** The same text and no effective difference: there is nothing to commit. */
  | { readonly _tag: "Same"; readonly snapshot: Snapshot<C> }
  /** Another text without an effective difference. */
  | { readonly _tag: "OtherText"; readonly snapshot: Snapshot<C>; readonly prepared: Prepared }
  | {
      readonly _tag: "Effective"
      readonly snapshot: Snapshot<C>
      readonly prepared: Prepared
      readonly difference: Difference
    }

/** What became of the write. */
type WriteResult =
  /** `overwritten`: the hash of a document that an editor saved in the last instant. */
  | { readonly _tag: "Written"; readonly overwritten: string | undefined }
  /** The new document is visible, but the disk did not confirm it. */
  | { readonly _tag: "Unconfirmed"; readonly error: Unconfirmed }
  | { readonly _tag: "NothingToWrite" }

export const makeAcceptance = <C>(dependencies: Dependencies<C>, started: Started<C>): Acceptance<C> => {
  const { bus, document, id, source } = dependencies
  let { inForce } = started
  const refusals = makeRefusals(dependencies, started.status, () => inForce.snapshot.revision)
  const bindings = new Set<Binding<C>>()
  const recent = new RecentChanges()
  recent.add(1, () => started.changes, [])

  const load: Acceptance<C>["load"] = (text, layering, previous = inForce.loaded) =>
    loadWith(document, text, layering, previous)

  const prepare: Acceptance<C>["prepare"] = Effect.fnUntraced(function* (transaction, { loaded, stored }) {
    const before = inForce.snapshot
    const difference = document.diff(inForce.loaded, loaded)
    const effective = isEffective(difference)
    if (!effective && stored.hash === before.hash) return { _tag: "Same", snapshot: before }
    // Requests run between the steps of a change.
    yield* Effect.yieldNow
    const snapshot: Snapshot<C> = effective
      ? { revision: before.revision + 1, hash: stored.hash, config: loaded.config }
      : { ...before, hash: stored.hash }
    const values = effective
      ? yield* Effect.fromResult(settingValues(lastOfEach(bindings), snapshot.config, transaction.current.values))
      : []
    yield* Effect.yieldNow
    const prepared = yield* transaction
      .prepare(new Map([[id, snapshot], ...values]), { revision: snapshot.revision })
      .pipe(Effect.mapError(({ failures }) => failures.map(({ message, node }) => ({ by: node, path: "", message }))))
    return effective ? { _tag: "Effective", snapshot, prepared, difference } : { _tag: "OtherText", snapshot, prepared }
  })

  const prepareOrRefuse = (transaction: Transaction, candidate: Candidate<C>) =>
    Effect.catch(prepare(transaction, candidate), (problems) => {
      const { origin, stored } = candidate
      if (candidate._tag !== "Saved" || stored.hash === inForce.stored.hash)
        return refusals.refuseChange(origin, stored.hash, problems)
      return Effect.andThen(
        keepRefused(source, document, stored),
        refusals.refuseDocument(origin, { _tag: "Refused", hash: stored.hash, problems }),
      )
    })

  /** Before the write: neither a crash nor a full disk loses what an editor has saved. */
  const keepReplaced = (candidate: Candidate<C>): Effect.Effect<void, SourceUnavailable> => {
    if (candidate._tag !== "NewText" || candidate.replaces === undefined) return Effect.void
    const { _tag, stored } = candidate.replaces
    // A saved document that was not refused and is part of the new text is a step of its own: an undo takes back the edits alone.
    const isStep = _tag === "Merged" && stored.hash !== hashOf(refusals.status)
    return source.history.keep(stored.text, stored.hash, isStep ? {} : { neverInForce: "overwritten" })
  }

  const write = (candidate: Candidate<C>): Effect.Effect<WriteResult, WriteError> =>
    candidate._tag !== "NewText"
      ? Effect.succeed({ _tag: "NothingToWrite" })
      : Effect.matchEffect(candidate.write, {
          onFailure: (error) =>
            error._tag === "Unconfirmed" ? Effect.succeed({ _tag: "Unconfirmed", error }) : Effect.fail(error),
          onSuccess: ({ overwritten }) => Effect.succeed({ _tag: "Written", overwritten: overwritten?.hash }),
        })

  const commit = (ready: Ready<C>, candidate: Candidate<C>, result: WriteResult): Effect.Effect<void> =>
    Effect.suspend(() => {
      const before = inForce
      const { layering, loaded, origin, stored } = candidate
      const { snapshot } = ready
      inForce = { stored, loaded, layering, snapshot }
      refusals.acceptChange()
      const wasRefused = candidate._tag !== "Override" && refusals.acceptDocument()
      const overwritten = overwrittenBy(candidate, result)
      const events: ReadonlyArray<AnyEvent> = [
        ...(ready._tag === "Effective"
          ? [changedEvent(ready.difference, before.snapshot, snapshot, origin)]
          : restoredEvents(wasRefused, snapshot.hash, origin)),
        ...(stored.hash === before.stored.hash ? [] : migratedEvents(loaded)),
        ...(overwritten === undefined ? [] : [new ConfigOverwritten({ path: source.name, kept: overwritten })]),
      ]
      if (ready._tag === "Effective") {
        const { difference } = ready
        recent.add(snapshot.revision, () => document.changes(before.loaded, loaded), difference.restartRequired)
      }
      if (ready._tag !== "Same") return ready.prepared.commit(events)
      return events.length === 0 ? Effect.void : bus.publishAll(events, { revision: snapshot.revision })
    })

  const remember = (before: InForce<C>, ready: Ready<C>, candidate: Candidate<C>): Effect.Effect<void> => {
    const { loaded, stored } = candidate
    if (stored.hash === before.stored.hash) return Effect.void
    // Without an effective difference a rotated secret may still be hidden by a higher layer.
    const [truncated, changes] =
      ready._tag === "Effective"
        ? [ready.difference.truncated, recent.changesOf(ready.snapshot.revision) ?? []]
        : [false, []]
    const rotated = truncated || rotatesSecret(document, changes, before.loaded, loaded)
    const isNewText = candidate._tag === "NewText"
    const replaced = isNewText ? candidate.replaces?.stored.hash : undefined
    return keepAccepted(source, document, stored, rotated ? before.stored.text : undefined, {
      backTo: isNewText ? candidate.backTo : undefined,
      // Under the lock no other process can have kept it.
      after: isNewText && candidate.replacesDocument ? undefined : (replaced ?? before.stored.hash),
    })
  }

  const accept: Acceptance<C>["accept"] = Effect.fnUntraced(function* (transaction, candidate) {
    yield* Effect.yieldNow
    const before = inForce
    const ready = yield* prepareOrRefuse(transaction, candidate)
    // Held once from the write to the history: other writers would come between the two, and each wait for the lock would be paid twice.
    const locked = candidate._tag === "NewText" && candidate.replacesDocument ? source.exclusively : identity
    return yield* Effect.uninterruptible(
      locked(
        Effect.gen(function* () {
          yield* keepReplaced(candidate)
          const result = yield* write(candidate)
          yield* Effect.yieldNow
          yield* commit(ready, candidate, result)
          yield* Effect.yieldNow
          yield* remember(before, ready, candidate)
          yield* logNewWarnings(source, before.loaded.warnings, candidate.loaded)
          return result._tag === "Unconfirmed" ? yield* Effect.fail(result.error) : ready.snapshot
        }),
      ),
    )
  })

  return {
    get inForce() {
      return inForce
    },
    refusals,
    recent,
    bindings,
    load,
    prepare,
    accept,
    acceptDocument: (origin) =>
      Effect.suspend(() => {
        const { hash, revision } = inForce.snapshot
        const events = restoredEvents(refusals.acceptDocument(), hash, origin)
        return events.length === 0 ? Effect.void : bus.publishAll(events, { revision })
      }),
  }
}

const identity = <A>(value: A): A => value

const lastOfEach = <C>(bindings: Iterable<Binding<C>>): Iterable<Binding<C>> =>
  new Map(Array.from(bindings, (binding) => [binding.key, binding])).values()

/** The hash of a saved document that the new one does not contain. */
const overwrittenBy = <C>(candidate: Candidate<C>, result: WriteResult): string | undefined => {
  if (result._tag === "Written" && result.overwritten !== undefined) return result.overwritten
  return candidate._tag === "NewText" && candidate.replaces?._tag === "Discarded"
    ? candidate.replaces.stored.hash
    : undefined
}
