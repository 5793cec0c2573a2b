/** The documents before the one in force, in the order in which an undo goes back to them. */
import { Effect, Result } from "effect"
import type { Loaded } from "../../ConfigDocument.ts"
import { NothingBefore, type Problem, SecretNotKept, type SourceUnavailable } from "../../ConfigError.ts"
import { maxPlaces } from "../../ConfigEvents.ts"
import type { HistoryEntry, Stored } from "../../ConfigSource.ts"
import { wasInForce } from "../History.ts"
import type { Dependencies } from "./State.ts"

/** A text, and the document of the history that it was made from. */
export interface StepBack {
  readonly text: string
  readonly backTo: string
}

/**
 * The nearest document before `inForce` that loads, with the secrets of `inForce`. Fails with `SecretNotKept` if it needs another secret, or
 * if nothing but a secret would change.
 */
export const predecessorOf = Effect.fnUntraced(function* <C>(
  { document, source }: Dependencies<C>,
  inForce: Stored,
  load: (text: string) => Effect.Effect<Loaded<C>, ReadonlyArray<Problem>>,
): Effect.fn.Return<StepBack, SecretNotKept | NothingBefore | SourceUnavailable> {
  const changedPaths = (text: string) => document.editsBetween(text, inForce.text).map(({ path }) => path)
  for (const hash of predecessors(yield* source.history.list, inForce.hash)) {
    const kept = yield* source.history.read(hash)
    if (kept === undefined) continue
    const restored = document.restore(kept.text, inForce.text)
    if (Result.isFailure(restored)) {
      if (restored.failure.some(({ by }) => by === "parser")) continue
      const paths = restored.failure.slice(0, maxPlaces).map(({ path }) => path)
      return yield* Effect.fail(new SecretNotKept({ hash, paths }))
    }
    const text = restored.success
    if (Result.isFailure(yield* Effect.result(load(text)))) continue
    if (text !== kept.text && changedPaths(text).length === 0) {
      const paths = changedPaths(kept.text)
      if (paths.length > 0 || text === inForce.text) return yield* Effect.fail(new SecretNotKept({ hash, paths }))
    }
    return { text, backTo: hash }
  }
  return yield* Effect.fail(new NothingBefore({ hash: inForce.hash }))
})

/** A document that was in force. */
interface Step {
  readonly hash: string
  /** The hash of the newest step back to it, which holds the secrets of that time; else its own. */
  readonly newest: string
}

/**
 * The hashes to go back to, nearest first. `entries` is the history, newest first. A step back is an entry of its own, which takes back
 * everything after the entry that it names. A document that was restored by hand comes after all documents before it. An undo never goes
 * back to a document that was not in force.
 */
export const predecessors = (
  entries: ReadonlyArray<Pick<HistoryEntry, "hash" | "backTo" | "neverInForce">>,
  current: string,
): ReadonlyArray<string> => {
  const steps: Array<Step> = []
  for (const { backTo, hash } of entries.filter(wasInForce).toReversed()) {
    if (backTo === undefined) {
      if (steps.at(-1)?.newest !== hash) steps.push({ hash, newest: hash })
      continue
    }
    const index = steps.findLastIndex((step) => step.hash.startsWith(backTo))
    // The entry that it went back to may have been swept: then no older entry is left either.
    const target = steps[index]?.hash ?? hash
    steps.splice(Math.max(0, index))
    steps.push({ hash: target, newest: hash })
  }
  const index = steps.findLastIndex(({ newest }) => newest === current)
  return index < 0
    ? []
    : steps
        .slice(0, index)
        .map(({ hash }) => hash)
        .reverse()
}
