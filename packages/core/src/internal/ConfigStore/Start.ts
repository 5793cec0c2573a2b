/**
 * The first configuration of a process: what stands at the source, a seed where nothing does, and where that is refused the newest document
 * that was in force and still loads. Services are built later: what they refused in a process before is known from the history.
 */
import { Context, Effect, Result } from "effect"
import type { Edit, Loaded } from "../../ConfigDocument.ts"
import { type Problem, Rejected } from "../../ConfigError.ts"
import { ConfigSeeded } from "../../ConfigEvents.ts"
import type { HistoryEntry, Stored } from "../../ConfigSource.ts"
import type { Snapshot } from "../../ConfigStore.ts"
import type { Transaction } from "../../Reconciler.ts"
import { wasInForce } from "../HistoryBounds.ts"
import type { Begun, Surroundings } from "./Acceptance.ts"
import { problemOf } from "./Changes.ts"
import { changed, isEffective, isRotation, logWarnings, migrated, rejection } from "./Facts.ts"
import { type Layering, loadWith } from "./Layering.ts"
import { remember } from "./Remember.ts"

/** Whether a document that is refused at start makes the layer fail instead of yielding to the history. Default: no. */
export const StrictStart: Context.Reference<boolean> = Context.Reference("@signalbox/core/ConfigStore/StrictStart", {
  defaultValue: () => false,
})

/** Values that stand above document and environment from the first revision on, as `ConfigStore.override` sets them later: flags of a command. */
export const StartOverrides = Context.Reference<ReadonlyArray<Edit>>("@signalbox/core/ConfigStore/StartOverrides", {
  defaultValue: (): ReadonlyArray<Edit> => [],
})

interface Found<C> {
  readonly stored: Stored
  readonly loaded: Loaded<C>
}

/** Commits revision 1. */
export const begin = <C>({ bus, document, id, source }: Surroundings<C>, layering: Layering, strict: boolean) => {
  const load = (text: string) => loadWith(document, text, layering)

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
  const rejected = (problems: Rejected["problems"]) => new Rejected({ problems, source: source.name })

  const readHistory = Effect.catch(source.history.list, ({ code, detail }) =>
    Effect.as(Effect.logWarning(`The history of ${source.name} cannot be read (${code}: ${detail})`), []),
  )
  const readKept = (hash: string) => Effect.orElseSucceed(source.history.read(hash), () => undefined)

  const newestAcceptable = Effect.fnUntraced(function* (lived: ReadonlyArray<HistoryEntry>) {
    for (const { hash } of lived) {
      const stored = yield* readKept(hash)
      // One whose secrets were blanked is not the document that was accepted.
      if (stored === undefined || Result.isFailure(document.restore(stored.text, "{}"))) continue
      const loaded = yield* Effect.result(load(stored.text))
      if (Result.isSuccess(loaded)) return { stored, loaded: loaded.success }
    }
    return undefined
  })

  /** What changed while nothing ran. */
  const meanwhile = Effect.fnUntraced(function* (
    newest: HistoryEntry | undefined,
    found: Found<C>,
    snapshot: Snapshot<C>,
  ) {
    if (newest === undefined || newest.hash === snapshot.hash) return { changes: [], events: [], rotated: undefined }
    const kept = yield* readKept(newest.hash)
    const before = kept === undefined ? undefined : Result.getOrUndefined(yield* Effect.result(load(kept.text)))
    if (before === undefined) {
      const unknown = { paths: [""], truncated: false, restartRequired: [] }
      return { changes: [], events: [changed(unknown, newest, snapshot, "start")], rotated: "" }
    }
    const difference = document.diff(before, found.loaded)
    const changes = document.changes(before, found.loaded, difference)
    const events = isEffective(difference) ? [changed(difference, newest, snapshot, "start")] : []
    return {
      changes,
      events,
      rotated: isRotation(document, difference, changes, before, found.loaded) ? before.text : undefined,
    }
  })

  return Effect.fnUntraced(function* (transaction: Transaction) {
    const present = yield* Effect.result(readOrSeed)
    const history = yield* readHistory
    const lived = history.filter(wasInForce)
    const commit = Effect.fnUntraced(function* ({ loaded, stored }: Found<C>, seeded: boolean, accepted: boolean) {
      const snapshot: Snapshot<C> = { revision: 1, hash: stored.hash, config: loaded.config }
      const prepared = yield* Effect.orDie(transaction.prepare(new Map([[id, snapshot]]), { revision: 1 }))
      const news = yield* meanwhile(accepted ? lived[0] : undefined, { loaded, stored }, snapshot)
      yield* prepared.commit([
        ...news.events,
        ...migrated(loaded),
        ...(seeded ? [new ConfigSeeded({ path: source.name })] : []),
      ])
      if (accepted) yield* remember(source, document, stored, news.rotated)
      yield* logWarnings(source, [], loaded)
      return { state: { stored, loaded, layering, snapshot }, changes: news.changes }
    }, Effect.uninterruptible)

    const loaded = Result.isSuccess(present) ? yield* Effect.result(load(present.success.text)) : undefined
    const untried = Result.isSuccess(present) && wasRefused(history, present.success.hash)
    if (Result.isSuccess(present) && loaded !== undefined && Result.isSuccess(loaded) && !untried) {
      const { hash, seeded, text } = present.success
      const begun: Begun<C> = {
        ...(yield* commit({ stored: { text, hash }, loaded: loaded.success }, seeded, true)),
        refused: undefined,
      }
      return begun
    }
    const failure = Result.isFailure(present)
      ? present.failure
      : rejected(loaded !== undefined && Result.isFailure(loaded) ? loaded.failure : [refusedBefore])
    const good = strict ? undefined : yield* newestAcceptable(lived)
    if (good === undefined) return yield* Effect.fail(failure)
    const begun = yield* commit(good, false, false)
    const hash = Result.isSuccess(present) ? present.success.hash : undefined
    const problems = failure._tag === "Rejected" ? failure.problems : [problemOf(failure)]
    yield* bus.publish(rejection("start", hash, problems), { revision: 1 })
    const refused: Begun<C>["refused"] = { hash, problems, untried }
    return { ...begun, refused }
  })
}

/** What became of a document when it last was tried; one that was overwritten was not. */
const wasRefused = (history: ReadonlyArray<HistoryEntry>, hash: string): boolean =>
  history.find((entry) => entry.hash === hash && entry.neverInForce !== "overwritten")?.neverInForce === "refused"

const refusedBefore: Problem = {
  by: "history",
  path: "",
  message: "a service refused this document in a process before: correct it, or `reload` to try it as it is",
}
