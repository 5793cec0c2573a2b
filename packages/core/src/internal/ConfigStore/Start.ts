/**
 * The first configuration of a process: the document at the source, or a seed if there is none, or, if the document is refused, the newest
 * document that was in force and still loads. Services are built later: a refusal by a service in an earlier process is in the history.
 */
import { Context, Effect, Result, type Scope } from "effect"
import type { Change, Edit, Loaded } from "../../ConfigDocument.ts"
import { type Problem, Rejected, type SourceUnavailable } from "../../ConfigError.ts"
import { ConfigSeeded } from "../../ConfigEvents.ts"
import type { HistoryEntry, Stored } from "../../ConfigSource.ts"
import type { AnyEvent } from "../../Event.ts"
import type { Transaction } from "../../Reconciler.ts"
import { wasInForce } from "../History.ts"
import type { Started } from "./Acceptance.ts"
import { keepAccepted } from "./HistoryWriter.ts"
import { type Layering, loadWith } from "./Layering.ts"
import { changedEvent, isEffective, logNewWarnings, migratedEvents, rejectedEvent, rotatesSecret } from "./Reports.ts"
import type { Snapshot } from "./Results.ts"
import { unreadableProblem } from "./Source.ts"
import type { Dependencies, Refused } from "./State.ts"

/** Whether the layer fails when the document is refused at start, instead of using the newest good one of the history. Default: no. */
export const StrictStart: Context.Reference<boolean> = Context.Reference("@signalbox/core/ConfigStore/StrictStart", {
  defaultValue: () => false,
})

/** Overrides that apply from the first revision on, as `ConfigStore.override` sets them later. A command's flags use this. */
export const StartOverrides = Context.Reference<ReadonlyArray<Edit>>("@signalbox/core/ConfigStore/StartOverrides", {
  defaultValue: (): ReadonlyArray<Edit> => [],
})

interface Found<C> {
  readonly stored: Stored
  readonly loaded: Loaded<C>
}

/** The document at the source. */
type FirstRead<C> =
  | ({ readonly _tag: "Usable"; readonly seeded: boolean } & Found<C>)
  | {
      readonly _tag: "Unusable"
      readonly error: Rejected | SourceUnavailable
      readonly refused: Refused
    }

/** What changed since the last process. */
interface SinceLastProcess {
  readonly changes: ReadonlyArray<Change>
  readonly events: ReadonlyArray<AnyEvent>
  /** The text before, if secrets of it were removed or replaced. */
  readonly rotated: string | undefined
}

/** A change that commits revision 1. */
export const startStore = <C>(dependencies: Dependencies<C>, layering: Layering, strict: boolean) => {
  const { bus, document, id, source } = dependencies
  const load = (text: string) => loadWith(document, text, layering)
  const rejected = (problems: ReadonlyArray<Problem>) => new Rejected({ problems, source: source.name })

  const seed = Effect.gen(function* () {
    const text = yield* Effect.mapError(Effect.fromResult(document.seed), rejected)
    const unconfirmed = Effect.map(source.read, (stored) => ({ ...stored, seeded: stored.text === text }))
    return yield* Effect.catchTag(source.seed(text), "Unconfirmed", () => unconfirmed)
  })
  const readOrSeed = source.read.pipe(
    Effect.map((stored) => ({ ...stored, seeded: false })),
    Effect.catchIf(
      ({ code }) => code === "ENOENT",
      () => seed,
    ),
  )

  const readFirst = (
    read: Result.Result<Stored & { readonly seeded: boolean }, Rejected | SourceUnavailable>,
    history: ReadonlyArray<HistoryEntry>,
  ): Effect.Effect<FirstRead<C>> =>
    Effect.gen(function* () {
      if (Result.isFailure(read)) return unusable<C>(read.failure, undefined)
      const { hash, seeded, text } = read.success
      const loaded = yield* Effect.result(load(text))
      if (Result.isFailure(loaded)) return unusable<C>(rejected(loaded.failure), { _tag: "Refused", hash })
      if (wasRefused(history, hash)) return unusable<C>(rejected([refusedEarlier]), { _tag: "RefusedEarlier", hash })
      return { _tag: "Usable", stored: { text, hash }, loaded: loaded.success, seeded }
    })

  const readHistory = Effect.catch(source.history.list, ({ code, detail }) =>
    Effect.as(Effect.logWarning(`The history of ${source.name} cannot be read (${code}: ${detail})`), []),
  )
  const readKept = (hash: string) => Effect.orElseSucceed(source.history.read(hash), () => undefined)

  const newestUsable = Effect.fnUntraced(function* (accepted: ReadonlyArray<HistoryEntry>) {
    for (const { hash } of accepted) {
      const stored = yield* readKept(hash)
      // A document whose secrets were blanked differs from the one that was accepted.
      if (stored === undefined || Result.isFailure(document.restore(stored.text, "{}"))) continue
      const loaded = yield* Effect.result(load(stored.text))
      if (Result.isSuccess(loaded)) return { stored, loaded: loaded.success }
    }
    return undefined
  })

  const compareWithLastProcess = Effect.fnUntraced(function* (
    newest: HistoryEntry | undefined,
    found: Found<C>,
    snapshot: Snapshot<C>,
  ): Effect.fn.Return<SinceLastProcess> {
    if (newest === undefined || newest.hash === snapshot.hash) return { changes: [], events: [], rotated: undefined }
    const kept = yield* readKept(newest.hash)
    const before = kept === undefined ? undefined : Result.getOrUndefined(yield* Effect.result(load(kept.text)))
    if (before === undefined) {
      const unknown = { paths: [""], truncated: false, restartRequired: [] }
      return { changes: [], events: [changedEvent(unknown, newest, snapshot, "start")], rotated: "" }
    }
    const difference = document.diff(before, found.loaded)
    const changes = document.changes(before, found.loaded)
    return {
      changes,
      events: isEffective(difference) ? [changedEvent(difference, newest, snapshot, "start")] : [],
      rotated: difference.truncated || rotatesSecret(document, changes, before, found.loaded) ? before.text : undefined,
    }
  })

  const commit = Effect.fnUntraced(function* (
    transaction: Transaction,
    { loaded, stored }: Found<C>,
    since: (snapshot: Snapshot<C>) => Effect.Effect<SinceLastProcess>,
    seeded: boolean,
  ) {
    const snapshot: Snapshot<C> = { revision: 1, hash: stored.hash, config: loaded.config }
    const prepared = yield* Effect.orDie(transaction.prepare(new Map([[id, snapshot]]), { revision: 1 }))
    const { changes, events, rotated } = yield* since(snapshot)
    yield* prepared.commit([
      ...events,
      ...migratedEvents(loaded),
      ...(seeded ? [new ConfigSeeded({ path: source.name })] : []),
    ])
    return { inForce: { stored, loaded, layering, snapshot }, changes, rotated }
  })

  const startWith = Effect.fnUntraced(function* (
    transaction: Transaction,
    found: Extract<FirstRead<C>, { readonly _tag: "Usable" }>,
    newest: HistoryEntry | undefined,
  ): Effect.fn.Return<Started<C>, never, Scope.Scope> {
    const since = (snapshot: Snapshot<C>) => compareWithLastProcess(newest, found, snapshot)
    const { changes, inForce, rotated } = yield* commit(transaction, found, since, found.seeded)
    yield* keepAccepted(source, document, found.stored, rotated)
    yield* logNewWarnings(source, [], found.loaded)
    return { inForce, changes, status: { _tag: "InForce" } }
  }, Effect.uninterruptible)

  const startWithHistory = Effect.fnUntraced(function* (
    transaction: Transaction,
    good: Found<C>,
    refused: Refused,
  ): Effect.fn.Return<Started<C>, never, Scope.Scope> {
    const { inForce } = yield* commit(transaction, good, () => Effect.succeed(nothing), false)
    yield* logNewWarnings(source, [], good.loaded)
    const hash = "hash" in refused ? refused.hash : undefined
    yield* bus.publish(rejectedEvent("start", hash, refused.problems), { revision: 1 })
    return { inForce, changes: [], status: refused }
  }, Effect.uninterruptible)

  return Effect.fnUntraced(function* (transaction: Transaction) {
    const read = yield* Effect.result(readOrSeed)
    const history = yield* readHistory
    const first = yield* readFirst(read, history)
    const accepted = history.filter(wasInForce)
    if (first._tag === "Usable") return yield* startWith(transaction, first, accepted[0])
    const good = strict ? undefined : yield* newestUsable(accepted)
    if (good === undefined) return yield* Effect.fail(first.error)
    return yield* startWithHistory(transaction, good, first.refused)
  })
}

const nothing: SinceLastProcess = { changes: [], events: [], rotated: undefined }

const unusable = <C>(
  error: Rejected | SourceUnavailable,
  status: { readonly _tag: "Refused" | "RefusedEarlier"; readonly hash: string } | undefined,
): FirstRead<C> => {
  const problems = error._tag === "Rejected" ? error.problems : [unreadableProblem(error)]
  return { _tag: "Unusable", error, refused: { ...(status ?? { _tag: "Unreadable" }), problems } }
}

/** Whether a service refused the document when it was last tried. A document that was only overwritten was not tried. */
const wasRefused = (history: ReadonlyArray<HistoryEntry>, hash: string): boolean =>
  history.find((entry) => entry.hash === hash && entry.neverInForce !== "overwritten")?.neverInForce === "refused"

const refusedEarlier: Problem = {
  by: "history",
  path: "",
  message: "a service refused this document in an earlier process: correct it, or `reload` to try it as it is",
}
