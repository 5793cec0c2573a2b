/** Every change that a store can make. Each is one change of the Reconciler. */
import { Effect, Result } from "effect"
import type { Change, Edit } from "../../ConfigDocument.ts"
import type { Problem } from "../../ConfigError.ts"
import type { Acceptance } from "./Acceptance.ts"
import type { Environment } from "./Environment.ts"
import { type Layering, learned } from "./Layering.ts"
import { markerProblems, mergeOverrides } from "./Overrides.ts"
import type { Plan, Snapshot } from "./Results.ts"
import {
  type Base,
  editedText,
  problemsOfEdits,
  readBase,
  type StoreChange,
  secretsFor,
  takeDocument,
} from "./Source.ts"
import type { Dependencies } from "./State.ts"
import { makeWrites, type Writes } from "./Writes.ts"

export interface Changes<C> extends Writes<C> {
  readonly take: (origin: "file" | "reload", layering?: Layering) => StoreChange<Snapshot<C>>
  readonly reload: (environment: Environment | undefined) => StoreChange<ReadonlyArray<Change>>
  readonly override: (edits: ReadonlyArray<Edit>) => StoreChange<Snapshot<C>>
  /** Builds everything for the change, then releases it and changes nothing. */
  readonly plan: (wanted: ReadonlyArray<Edit> | string) => StoreChange<Plan>
  /** The paths of an accepted change of the text `before` that a higher layer hides. */
  readonly shadowed: (wanted: ReadonlyArray<Edit> | string, before: string) => Effect.Effect<ReadonlyArray<string>>
}

export const makeChanges = <C>(dependencies: Dependencies<C>, acceptance: Acceptance<C>): Changes<C> => {
  const { document, source } = dependencies
  const { accept, load, prepare, recent, refusals } = acceptance
  const take = takeDocument(dependencies, acceptance)

  const reload: Changes<C>["reload"] = (environment) =>
    Effect.fnUntraced(function* (transaction) {
      const { layering, snapshot: before } = acceptance.inForce
      const { revision } = yield* take("reload", { environment, runtime: layering.runtime })(transaction)
      return revision === before.revision ? [] : (recent.changesOf(revision) ?? [])
    })

  const override: Changes<C>["override"] = (edits) =>
    Effect.fnUntraced(function* (transaction) {
      const { layering, stored } = acceptance.inForce
      const refuse = (problems: ReadonlyArray<Problem>) => refusals.refuseChange("api", undefined, problems)
      const runtime = yield* Effect.catch(Effect.fromResult(mergeOverrides(layering.runtime, edits)), refuse)
      const next: Layering = { environment: layering.environment, runtime }
      const loaded = yield* Effect.catch(load(stored.text, next), refuse)
      const markers = markerProblems(edits)
      if (markers.length > 0) return yield* refuse(markers)
      return yield* accept(transaction, { _tag: "Override", stored, loaded, layering: next, origin: "api" })
    })

  const plannedText = (base: Base<C>, wanted: ReadonlyArray<Edit> | string) => {
    if (typeof wanted === "string") return Effect.fromResult(document.restore(wanted, secretsFor(base, acceptance)))
    return Result.isFailure(base.loaded)
      ? Effect.fail(base.loaded.failure)
      : editedText(document, base.loaded.success, wanted)
  }

  const shadowed: Changes<C>["shadowed"] = (wanted, before) =>
    Effect.suspend(() => {
      const { layering } = acceptance.inForce
      const edits = typeof wanted === "string" ? document.editsBetween(before, wanted) : wanted
      const hidden = learned(layering, (layers) => document.shadowed(edits, layers))
      // The load has already reported a variable that cannot be read.
      return Effect.orElseSucceed(hidden, () => [])
    })

  const plan: Changes<C>["plan"] = (wanted) =>
    Effect.fnUntraced(function* (transaction) {
      const base = yield* readBase(dependencies, acceptance)
      const { inForce } = acceptance
      const result = yield* plannedText(base, wanted).pipe(
        Effect.tap(Effect.yieldNow),
        Effect.flatMap((text) => load(text, inForce.layering, Result.getOrUndefined(base.loaded))),
        Effect.result,
      )
      if (Result.isFailure(result)) return { ...emptyPlan, problems: result.failure }
      yield* Effect.yieldNow
      const loaded = result.success
      const problems = typeof wanted === "string" ? [] : problemsOfEdits(dependencies, loaded, wanted)
      if (problems.length > 0) return { ...emptyPlan, problems }
      const changes = document.changes(inForce.loaded, loaded)
      const { restartRequired } = document.diff(inForce.loaded, loaded)
      const hash = yield* source.hash(loaded.text)
      const ready = yield* Effect.result(prepare(transaction, { stored: { text: loaded.text, hash }, loaded }))
      const { warnings } = loaded
      const known = { changes, shadowed: yield* shadowed(wanted, inForce.stored.text), restartRequired, warnings }
      if (Result.isFailure(ready)) return { ...known, rebuilt: [], problems: ready.failure }
      const rebuilt = ready.success._tag === "Same" ? [] : ready.success.prepared.rebuilt
      return { ...known, rebuilt, problems: [] }
    })

  return { ...makeWrites(dependencies, acceptance), take, reload, override, plan, shadowed }
}

const emptyPlan: Plan = { changes: [], shadowed: [], rebuilt: [], restartRequired: [], problems: [], warnings: [] }
