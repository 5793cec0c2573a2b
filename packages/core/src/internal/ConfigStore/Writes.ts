/**
 * Changes that write a new text: edits, whole texts, steps back. Each is made from the document that is at the source, and made again if
 * another writer was quicker; the third attempt keeps other writers out.
 */
import { Effect, Result } from "effect"
import type { Edit } from "../../ConfigDocument.ts"
import {
  Conflict,
  type NothingBefore,
  type Rejected,
  type SecretNotKept,
  type SourceUnavailable,
} from "../../ConfigError.ts"
import type { Stored } from "../../ConfigSource.ts"
import type { Transaction } from "../../Reconciler.ts"
import type { Acceptance } from "./Acceptance.ts"
import type { Snapshot } from "./Results.ts"
import {
  type Base,
  bringIntoForce,
  editedText,
  problemsOfEdits,
  type Refusal,
  readBase,
  type StoreChange,
  secretsFor,
} from "./Source.ts"
import { type Dependencies, hashOf, type PendingSave, type TextCandidate } from "./State.ts"
import { predecessorOf, type StepBack } from "./Undo.ts"

const maxAttempts = 3

export interface Writes<C> {
  readonly update: (edits: ReadonlyArray<Edit>, ifHash: string | undefined) => StoreChange<Snapshot<C>>
  readonly replace: (text: string, ifHash: string | undefined) => StoreChange<Snapshot<C>>
  readonly undo: StoreChange<Snapshot<C>>
}

/** How a new text is made. */
interface TextChange<C> {
  readonly origin: "api" | "undo"
  readonly ifHash?: string | undefined
  /** What happens to a document at the source that is not in force. */
  readonly pendingSave: PendingSave["_tag"]
  readonly makeText: (
    base: Base<C>,
  ) => Effect.Effect<string | StepBack, Rejected | Conflict | SourceUnavailable | SecretNotKept | NothingBefore>
  readonly edits?: ReadonlyArray<Edit>
}

export const makeWrites = <C>(dependencies: Dependencies<C>, acceptance: Acceptance<C>): Writes<C> => {
  const { document, source } = dependencies
  const { accept, load, refusals } = acceptance

  /** Returns a `Conflict` as a failed Result if another writer has changed the document since it was read. */
  const attempt = Effect.fnUntraced(function* (transaction: Transaction, change: TextChange<C>) {
    const base = yield* readBase(dependencies, acceptance)
    const { ifHash, origin } = change
    if (ifHash !== undefined && ifHash !== base.stored.hash) {
      return yield* Effect.fail(new Conflict({ expected: ifHash, actual: base.stored.hash }))
    }
    const { layering, stored: inForce } = acceptance.inForce
    const made = yield* change.makeText(base)
    const { backTo, text } = typeof made === "string" ? { backTo: undefined, text: made } : made
    if (text === base.stored.text && base._tag === "Present") {
      return Result.succeed(yield* bringIntoForce(acceptance, transaction, "file", base.stored, layering))
    }
    yield* Effect.yieldNow
    const stored: Stored = { text, hash: yield* source.hash(text) }
    const loaded = yield* Effect.catch(load(text, layering, Result.getOrUndefined(base.loaded)), (problems) =>
      refusals.refuseChange(origin, stored.hash, problems),
    )
    const problems = problemsOfEdits(dependencies, loaded, change.edits ?? [])
    if (problems.length > 0) return yield* refusals.refuseChange(origin, stored.hash, problems)
    const candidate: TextCandidate<C> = {
      _tag: "NewText",
      stored,
      loaded,
      layering,
      origin,
      write: write(base, stored),
      replacesDocument: base._tag === "Present",
      backTo,
      replaces: base.stored.hash === inForce.hash ? undefined : { _tag: change.pendingSave, stored: base.stored },
    }
    return yield* accept(transaction, candidate).pipe(
      Effect.map(Result.succeed),
      Effect.catchTag("Conflict", (conflict) => Effect.succeed(Result.fail(conflict))),
    )
  }, Effect.scoped)

  const write = (base: Base<C>, { hash, text }: Stored): TextCandidate<C>["write"] =>
    base._tag === "Present"
      ? source.write(text, base.stored.hash)
      : Effect.flatMap(source.seed(text), (found) =>
          found.seeded
            ? Effect.succeed({ hash })
            : Effect.fail(new Conflict({ expected: base.stored.hash, actual: found.hash })),
        )

  const retried =
    (change: TextChange<C>): StoreChange<Snapshot<C>> =>
    (transaction) => {
      const tryAgain = (attemptsLeft: number): Effect.Effect<Snapshot<C>, Refusal> => {
        const once = attempt(transaction, change)
        return Effect.flatMap(attemptsLeft === 1 ? source.exclusively(once) : once, (result) => {
          if (Result.isSuccess(result)) return Effect.succeed(result.success)
          return attemptsLeft === 1 ? Effect.fail(result.failure) : tryAgain(attemptsLeft - 1)
        })
      }
      return tryAgain(maxAttempts)
    }

  const update: Writes<C>["update"] = (edits, ifHash) =>
    retried({
      origin: "api",
      ifHash,
      pendingSave: "Merged",
      edits,
      makeText: ({ loaded, stored }) =>
        Result.isFailure(loaded)
          ? refusals.refuseDocument("file", { _tag: "Refused", hash: stored.hash, problems: loaded.failure })
          : Effect.catch(editedText(document, loaded.success, edits), (problems) =>
              refusals.refuseChange("api", undefined, problems),
            ),
    })

  const replace: Writes<C>["replace"] = (text, ifHash) =>
    retried({
      origin: "api",
      ifHash,
      pendingSave: "Discarded",
      makeText: (base) =>
        Effect.catch(Effect.fromResult(document.restore(text, secretsFor(base, acceptance))), (problems) =>
          refusals.refuseChange("api", undefined, problems),
        ),
    })

  const undo = retried({
    origin: "undo",
    pendingSave: "Discarded",
    makeText: ({ _tag, stored }) => {
      const { layering, stored: inForce } = acceptance.inForce
      if (stored.hash === inForce.hash) {
        return _tag === "Missing"
          ? Effect.succeed(inForce.text)
          : predecessorOf(dependencies, inForce, (text) => load(text, layering))
      }
      // An undo removes a refused document, but not a save that has not been tried yet.
      if (stored.hash === hashOf(refusals.status)) return Effect.succeed(inForce.text)
      return Effect.fail(new Conflict({ expected: inForce.hash, actual: stored.hash }))
    },
  })

  return { update, replace, undo }
}
