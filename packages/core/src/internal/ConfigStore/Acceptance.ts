/**
 * What is in force, what is refused, and the way from one to the other: prepare, write, commit, publish, remember. Nothing here decides where
 * a new text comes from; `Changes.ts` does.
 */
import { Effect, type Scope } from "effect"
import type { Change, ConfigDocument, Difference, Loaded } from "../../ConfigDocument.ts"
import {
  type Busy,
  type Conflict,
  type Problem,
  Rejected,
  type SourceUnavailable,
  type Unconfirmed,
} from "../../ConfigError.ts"
import { ConfigOverwritten, ConfigRestored, maxPlaces, type Origin } from "../../ConfigEvents.ts"
import type { ConfigSource, Stored, Written } from "../../ConfigSource.ts"
import type { Snapshot } from "../../ConfigStore.ts"
import type { AnyEvent } from "../../Event.ts"
import type { EventBus } from "../../EventBus.ts"
import type { Prepared, Transaction } from "../../Reconciler.ts"
import { type Binding, slices } from "./Bindings.ts"
import { changed, fingerprint, isEffective, isRotation, logWarnings, migrated, rejection } from "./Facts.ts"
import { type Layering, loadWith } from "./Layering.ts"
import { remember, rememberRefused } from "./Remember.ts"

/** What a store works with. */
export interface Surroundings<C> {
  readonly id: string
  readonly document: ConfigDocument<C>
  readonly source: ConfigSource["Service"]
  readonly bus: EventBus["Service"]
}

export interface State<C> {
  readonly stored: Stored
  readonly loaded: Loaded<C>
  readonly layering: Layering
  readonly snapshot: Snapshot<C>
}

/** Why what stands at the source is not in force. */
export interface Refused {
  /** Absent where it cannot be read. */
  readonly hash: string | undefined
  readonly problems: ReadonlyArray<Problem>
  /** Known from the history and not tried in this process: services that do not stand yet could not refuse it again. */
  readonly untried?: boolean
}

/** A configuration that would be acceptable to parser and schema. */
export interface Candidate<C> {
  readonly stored: Stored
  readonly loaded: Loaded<C>
  readonly layering: Layering
  readonly origin: Origin
  /** It is about what stands at the source; an override is not. */
  readonly settles: boolean
  /** Puts the text into its place; absent if it stands there. */
  readonly write?: Effect.Effect<Written, WriteError>
  /** It is a step back to the document that the history has under this hash. */
  readonly backTo?: string | undefined
  /** A text that stands there, was never in force, and goes away with this write; `lost`: the new text does not contain it. */
  readonly unseen?: Stored & { readonly lost: boolean }
}

export type WriteError = Conflict | Unconfirmed | SourceUnavailable | Busy

export interface Acceptance<C> {
  readonly state: State<C>
  readonly refused: Refused | undefined
  /** Of several for one setting the last counts. */
  readonly bindings: Set<Binding<C>>
  readonly load: (
    text: string,
    layering: Layering,
    previous?: Loaded<C>,
  ) => Effect.Effect<Loaded<C>, ReadonlyArray<Problem>>
  /** Builds what the candidate needs and writes nothing. */
  readonly prepare: (
    transaction: Transaction,
    candidate: Pick<Candidate<C>, "stored" | "loaded">,
  ) => Effect.Effect<Ready<C>, ReadonlyArray<Problem>, Scope.Scope>
  /** From a candidate to the one in force. Nothing happens to it if it differs in nothing. */
  readonly accept: (
    transaction: Transaction,
    candidate: Candidate<C>,
  ) => Effect.Effect<Snapshot<C>, Rejected | WriteError, Scope.Scope>
  /** Says that a change was refused; the same document with the same problems is said once. */
  readonly refuse: (
    origin: Origin,
    hash: string | undefined,
    problems: ReadonlyArray<Problem>,
  ) => Effect.Effect<never, Rejected>
  /** Says that what stands at the source was refused, and remembers it as long as it stands there. */
  readonly refuseDocument: (origin: Origin, refused: Refused) => Effect.Effect<never, Rejected>
  /** What stands at the source is what is in force; said where it was refused. */
  readonly heal: (origin: Origin) => Effect.Effect<void>
  /** What a revision has changed; the newest few only. */
  readonly changesOf: (revision: number) => ReadonlyArray<Change> | undefined
  /** Those of its paths that need a restart. */
  readonly restartsOf: (revision: number) => ReadonlyArray<string>
}

/** What a process starts with. */
export interface Begun<C> {
  readonly state: State<C>
  readonly refused: Refused | undefined
  /** Since the last process. */
  readonly changes: ReadonlyArray<Change>
}

/** A candidate with everything that depends on it. */
export interface Ready<C> {
  readonly difference: Difference
  readonly snapshot: Snapshot<C>
  /** Nothing to commit where the snapshot stays. */
  readonly prepared: Prepared | undefined
}

interface Recent {
  readonly changes: () => ReadonlyArray<Change>
  readonly restartRequired: ReadonlyArray<string>
}

// For those who show a change when they hear of it; whoever comes later compares documents of the history.
const maxRecent = 8

export const makeAcceptance = <C>({ bus, document, id, source }: Surroundings<C>, initial: Begun<C>): Acceptance<C> => {
  let { refused, state } = initial
  let saidOfDocument = refused && fingerprint(refused)
  let saidOfChange: string | undefined
  const bindings = new Set<Binding<C>>()
  const recent = new Map<number, Recent>([[1, { changes: () => initial.changes, restartRequired: [] }]])

  const load: Acceptance<C>["load"] = (text, layering, previous = state.loaded) =>
    loadWith(document, text, layering, previous)

  const reject = (origin: Origin, hash: string | undefined, problems: ReadonlyArray<Problem>, said: boolean) => {
    const bounded = problems.slice(0, maxPlaces)
    const rejected = Effect.fail(new Rejected({ problems: bounded, source: source.name }))
    if (said) return rejected
    const event = rejection(origin, hash, problems)
    return Effect.andThen(bus.publish(event, { revision: state.snapshot.revision }), rejected)
  }
  const refuse: Acceptance<C>["refuse"] = (origin, hash, problems) =>
    Effect.suspend(() => {
      const key = fingerprint({ hash, problems })
      const said = saidOfChange === key
      saidOfChange = key
      return reject(origin, hash, problems, said)
    })
  const refuseDocument: Acceptance<C>["refuseDocument"] = (origin, next) =>
    Effect.suspend(() => {
      const key = fingerprint(next)
      const said = saidOfDocument === key
      saidOfDocument = key
      refused = { ...next, problems: next.problems.slice(0, maxPlaces) }
      return reject(origin, next.hash, next.problems, said)
    })
  const restored = (origin: Origin, hash: string): ReadonlyArray<AnyEvent> =>
    refused === undefined ? [] : [new ConfigRestored({ hash, origin })]
  const heal = () => {
    refused = undefined
    saidOfDocument = undefined
  }

  const prepare: Acceptance<C>["prepare"] = Effect.fnUntraced(function* (transaction, { loaded, stored }) {
    const before = state.snapshot
    const difference = document.diff(state.loaded, loaded)
    const effective = isEffective(difference)
    if (!effective && stored.hash === before.hash) return { difference, snapshot: before, prepared: undefined }
    const snapshot: Snapshot<C> = effective
      ? { revision: before.revision + 1, hash: stored.hash, config: loaded.config }
      : { ...before, hash: stored.hash }
    const values = effective
      ? yield* Effect.fromResult(slices(lastOfEach(bindings), snapshot.config, transaction.current.values))
      : []
    const prepared = yield* transaction
      .prepare(new Map([[id, snapshot], ...values]), { revision: snapshot.revision })
      .pipe(Effect.mapError(({ failures }) => failures.map(({ message, node }) => ({ by: node, path: "", message }))))
    return { difference, snapshot, prepared }
  })

  const commit = (
    { difference, prepared, snapshot }: Ready<C>,
    { layering, loaded, origin, settles, stored }: Candidate<C>,
    foreign: string | undefined,
  ) =>
    Effect.suspend(() => {
      const before = state
      const effective = isEffective(difference)
      const events: ReadonlyArray<AnyEvent> = [
        ...(effective ? [changed(difference, before.snapshot, snapshot, origin)] : []),
        ...(settles && !effective ? restored(origin, snapshot.hash) : []),
        ...(stored.hash === before.stored.hash ? [] : migrated(loaded)),
        ...(foreign === undefined ? [] : [new ConfigOverwritten({ path: source.name, kept: foreign })]),
      ]
      state = { stored, loaded, layering, snapshot }
      saidOfChange = undefined
      if (settles) heal()
      if (effective) {
        const changes = once(() => document.changes(before.loaded, loaded, difference))
        recent.set(snapshot.revision, { changes, restartRequired: difference.restartRequired })
        recent.delete(snapshot.revision - maxRecent)
      }
      if (prepared !== undefined) return prepared.commit(events)
      return events.length === 0 ? Effect.void : bus.publishAll(events, { revision: snapshot.revision })
    })

  /** What nobody has refused and the new text contains is a step of its own: an undo takes back the edits alone. */
  const keepUnseen = ({ hash, lost, text }: Stored & { readonly lost: boolean }) => {
    const isStep = !lost && hash !== refused?.hash
    return source.history.keep(text, hash, isStep ? {} : { neverInForce: "overwritten" })
  }

  const accept: Acceptance<C>["accept"] = Effect.fnUntraced(function* (transaction, candidate) {
    const before = state
    const ready = yield* Effect.catch(prepare(transaction, candidate), (problems) =>
      candidate.write === undefined && candidate.stored.hash !== before.stored.hash
        ? Effect.andThen(
            rememberRefused(source, document, candidate.stored),
            refuseDocument(candidate.origin, { hash: candidate.stored.hash, problems }),
          )
        : refuse(candidate.origin, candidate.stored.hash, problems),
    )
    const { unseen, write } = candidate
    return yield* Effect.uninterruptible(
      Effect.gen(function* () {
        // Before the write: what somebody has saved is lost neither by a crash nor by a full disk.
        if (unseen !== undefined) yield* keepUnseen(unseen)
        const written = write === undefined ? { unconfirmed: undefined, foreign: undefined } : yield* confirmed(write)
        const foreign = written.foreign ?? (unseen?.lost ? unseen.hash : undefined)
        yield* commit(ready, candidate, foreign)
        if (candidate.stored.hash !== before.stored.hash) {
          const changes =
            (isEffective(ready.difference) ? recent.get(ready.snapshot.revision)?.changes() : undefined) ?? []
          const rotated = isRotation(document, ready.difference, changes, before.loaded, candidate.loaded)
            ? before.stored.text
            : undefined
          const after = unseen?.hash ?? before.stored.hash
          yield* remember(source, document, candidate.stored, rotated, { backTo: candidate.backTo, after })
        }
        yield* logWarnings(source, before.loaded.warnings, candidate.loaded)
        if (written.unconfirmed !== undefined) return yield* Effect.fail(written.unconfirmed)
        return ready.snapshot
      }),
    )
  })

  return {
    get state() {
      return state
    },
    get refused() {
      return refused
    },
    bindings,
    load,
    prepare,
    accept,
    refuse,
    refuseDocument,
    heal: (origin) =>
      Effect.suspend(() => {
        const events = restored(origin, state.snapshot.hash)
        heal()
        return events.length === 0 ? Effect.void : bus.publishAll(events, { revision: state.snapshot.revision })
      }),
    changesOf: (revision) => recent.get(revision)?.changes(),
    restartsOf: (revision) => recent.get(revision)?.restartRequired ?? [],
  }
}

const lastOfEach = <C>(bindings: Iterable<Binding<C>>): Iterable<Binding<C>> =>
  new Map(Array.from(bindings, (binding) => [binding.key, binding])).values()

/** A write that is visible though the disk did not confirm it has taken place. */
const confirmed = (write: Effect.Effect<Written, WriteError>) =>
  Effect.matchEffect(write, {
    onFailure: (error) =>
      error._tag === "Unconfirmed" ? Effect.succeed({ unconfirmed: error, foreign: undefined }) : Effect.fail(error),
    onSuccess: ({ overwritten }) => Effect.succeed({ unconfirmed: undefined, foreign: overwritten?.hash }),
  })

const once = <A>(make: () => A): (() => A) => {
  let pending: (() => A) | undefined = make
  let made: A
  return () => {
    if (pending !== undefined) {
      made = pending()
      // What it was made from is large.
      pending = undefined
    }
    return made
  }
}
