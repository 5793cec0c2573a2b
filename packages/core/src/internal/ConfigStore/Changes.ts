/**
 * Where a new configuration comes from: what stands at the source, edits, whole texts, the history, values set at run time. Each of these is
 * one change of the Reconciler.
 */
import { Effect, Result, type Scope } from "effect"
import type { Change, Edit, Loaded } from "../../ConfigDocument.ts"
import {
  Conflict,
  NothingBefore,
  type Problem,
  type Rejected,
  SecretNotKept,
  type SourceUnavailable,
} from "../../ConfigError.ts"
import { maxPlaces, type Origin } from "../../ConfigEvents.ts"
import type { Stored } from "../../ConfigSource.ts"
import type { Plan, Snapshot } from "../../ConfigStore.ts"
import type { Transaction } from "../../Reconciler.ts"
import type { Acceptance, Candidate, Surroundings, WriteError } from "./Acceptance.ts"
import type { Environment } from "./Environment.ts"
import { type Layering, learned } from "./Layering.ts"
import { markersIn, mergeOverrides } from "./Overrides.ts"
import { predecessors } from "./Undo.ts"

type Changing<A> = (transaction: Transaction) => Effect.Effect<A, Refusal, Scope.Scope>
type Refusal = Rejected | NotBack | WriteError
/** Why there is no way back. */
type NotBack = SecretNotKept | NothingBefore

export interface Changes<C> {
  /** Brings what stands at the source into force. */
  readonly take: (origin: "file" | "reload", layering?: Layering) => Changing<Snapshot<C>>
  readonly reload: (environment: Environment | undefined) => Changing<ReadonlyArray<Change>>
  readonly update: (edits: ReadonlyArray<Edit>, ifHash: string | undefined) => Changing<Snapshot<C>>
  readonly replace: (text: string, ifHash: string | undefined) => Changing<Snapshot<C>>
  readonly undo: Changing<Snapshot<C>>
  readonly override: (edits: ReadonlyArray<Edit>) => Changing<Snapshot<C>>
  readonly plan: (wanted: ReadonlyArray<Edit> | string) => Changing<Plan>
  /** Paths of what was wanted instead of the text `before` that a higher layer hides; to be asked once it was acceptable. */
  readonly shadowed: (wanted: ReadonlyArray<Edit> | string, before: string) => Effect.Effect<ReadonlyArray<string>>
}

/** What a write starts from. */
interface Base<C> {
  readonly stored: Stored
  /** Nothing stands at the source: `stored` is what is in force. */
  readonly missing: boolean
  readonly loaded: Result.Result<Loaded<C>, ReadonlyArray<Problem>>
}

/** How a new text is made from the one that stands there. */
interface Draft<C> {
  readonly origin: "api" | "undo"
  readonly ifHash?: string | undefined
  /** The new text does not contain the one that stands there. */
  readonly replaces: boolean
  readonly text: (base: Base<C>) => Effect.Effect<string | StepBack, Rejected | Conflict | SourceUnavailable | NotBack>
}

/** A text, and the document of the history from which it was made. */
interface StepBack {
  readonly text: string
  readonly backTo: string
}

// The last attempt keeps other writers out while it prepares.
const attempts = 3

export const makeChanges = <C>({ document, source }: Surroundings<C>, acceptance: Acceptance<C>): Changes<C> => {
  const { accept, load, prepare, refuse, refuseDocument } = acceptance

  const unreadable = (origin: Origin) => (error: SourceUnavailable) =>
    Effect.andThen(
      Effect.ignore(refuseDocument(origin, { hash: undefined, problems: [problemOf(error)] })),
      Effect.fail(error),
    )

  const bringIn = Effect.fnUntraced(function* (
    transaction: Transaction,
    origin: Origin,
    stored: Stored,
    layering: Layering,
  ) {
    const { layering: before, snapshot, stored: inForce } = acceptance.state
    if (stored.hash === inForce.hash && layering === before) {
      yield* acceptance.heal(origin)
      return snapshot
    }
    const loaded = yield* Effect.catch(load(stored.text, layering), (problems) =>
      stored.hash === inForce.hash
        ? refuse(origin, stored.hash, problems)
        : refuseDocument(origin, { hash: stored.hash, problems }),
    )
    return yield* accept(transaction, { stored, loaded, layering, origin, settles: true })
  })

  const take: Changes<C>["take"] = (origin, layering) => (transaction) =>
    Effect.catch(source.read, unreadable(origin)).pipe(
      Effect.flatMap((stored) => {
        const { refused, state } = acceptance
        // A hint, and the first comes at every start, is no reason to try again.
        if (origin === "file" && refused?.untried && refused.hash === stored.hash)
          return refuseDocument(origin, refused)
        return bringIn(transaction, origin, stored, layering ?? state.layering)
      }),
    )

  const readBase: Effect.Effect<Base<C>, SourceUnavailable> = Effect.gen(function* () {
    const inForce = acceptance.state
    const stored = yield* Effect.catchIf(
      source.read,
      ({ code }) => code === "ENOENT",
      () => Effect.undefined,
      unreadable("api"),
    )
    if (stored === undefined) return { stored: inForce.stored, missing: true, loaded: Result.succeed(inForce.loaded) }
    if (stored.hash === inForce.stored.hash) return { stored, missing: false, loaded: Result.succeed(inForce.loaded) }
    return { stored, missing: false, loaded: yield* Effect.result(load(stored.text, inForce.layering)) }
  })

  const write = (base: Base<C>, { hash, text }: Stored): NonNullable<Candidate<C>["write"]> =>
    base.missing
      ? Effect.flatMap(source.seed(text), (there) =>
          there.seeded
            ? Effect.succeed({ hash })
            : Effect.fail(new Conflict({ expected: base.stored.hash, actual: there.hash })),
        )
      : source.write(text, base.stored.hash)

  /** Answers a `Conflict` as a failed Result where somebody else has written since the text was read. */
  const attempt = Effect.fnUntraced(function* (transaction: Transaction, draft: Draft<C>) {
    const base = yield* readBase
    const { ifHash, origin } = draft
    if (ifHash !== undefined && ifHash !== base.stored.hash) {
      return yield* Effect.fail(new Conflict({ expected: ifHash, actual: base.stored.hash }))
    }
    const { layering, stored: inForce } = acceptance.state
    const made = yield* draft.text(base)
    const { backTo, text } = typeof made === "string" ? { backTo: undefined, text: made } : made
    if (text === base.stored.text && !base.missing) {
      return Result.succeed(yield* bringIn(transaction, "file", base.stored, layering))
    }
    const stored: Stored = { text, hash: yield* source.hash(text) }
    const loaded = yield* Effect.catch(load(text, layering, Result.getOrUndefined(base.loaded)), (problems) =>
      refuse(origin, stored.hash, problems),
    )
    const unseen = base.stored.hash === inForce.hash ? {} : { unseen: { ...base.stored, lost: draft.replaces } }
    const candidate = { stored, loaded, layering, origin, settles: true, write: write(base, stored), backTo, ...unseen }
    return yield* accept(transaction, candidate).pipe(
      Effect.map(Result.succeed),
      Effect.catchTag("Conflict", (conflict) => Effect.succeed(Result.fail(conflict))),
    )
  }, Effect.scoped)

  const change =
    (draft: Draft<C>): Changing<Snapshot<C>> =>
    (transaction) => {
      const again = (left: number): Effect.Effect<Snapshot<C>, Refusal> => {
        const one = attempt(transaction, draft)
        return Effect.flatMap(left === 1 ? source.exclusively(one) : one, (answer) => {
          if (Result.isSuccess(answer)) return Effect.succeed(answer.success)
          return left === 1 ? Effect.fail(answer.failure) : again(left - 1)
        })
      }
      return again(attempts)
    }

  const update: Changes<C>["update"] = (edits, ifHash) =>
    change({
      origin: "api",
      ifHash,
      replaces: false,
      text: ({ loaded, stored }) =>
        Result.isFailure(loaded)
          ? refuseDocument("file", { hash: stored.hash, problems: loaded.failure })
          : Effect.catch(edited(loaded.success, edits), (problems) => refuse("api", undefined, problems)),
    })

  /** Migrated where the document is of an older version: edits speak of the form that is in force. */
  const edited = (loaded: Loaded<C>, edits: ReadonlyArray<Edit>) =>
    Effect.fromResult(document.edit(loaded.migrated?.text ?? loaded.text, edits))

  const replace: Changes<C>["replace"] = (text, ifHash) =>
    change({
      origin: "api",
      ifHash,
      replaces: true,
      text: ({ loaded, stored }) =>
        Effect.catch(Effect.fromResult(document.restore(text, secretsOf(loaded, stored).text)), (problems) =>
          refuse("api", undefined, problems),
        ),
    })

  /** Of a text that nobody can read no secret can be kept. */
  const secretsOf = (loaded: Base<C>["loaded"], stored: Stored): Stored =>
    Result.isSuccess(loaded) ? stored : acceptance.state.stored

  const undo = change({
    origin: "undo",
    replaces: true,
    text: ({ missing, stored }) => {
      const { stored: inForce } = acceptance.state
      if (stored.hash === inForce.hash) return missing ? Effect.succeed(inForce.text) : predecessor(inForce)
      // What was refused goes away; a save that nobody has looked at yet does not.
      if (stored.hash === acceptance.refused?.hash) return Effect.succeed(inForce.text)
      return Effect.fail(new Conflict({ expected: inForce.hash, actual: stored.hash }))
    },
  })

  /** Documents that are acceptable no more are passed over: nobody can go back to them. */
  const predecessor = Effect.fnUntraced(function* (inForce: Stored) {
    const differing = (text: string) => document.editsBetween(text, inForce.text).map(({ path }) => path)
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
      if (Result.isFailure(yield* Effect.result(load(text, acceptance.state.layering)))) continue
      if (text !== kept.text && differing(text).length === 0) {
        const paths = differing(kept.text)
        if (paths.length > 0 || text === inForce.text) return yield* Effect.fail(new SecretNotKept({ hash, paths }))
      }
      return { text, backTo: hash }
    }
    return yield* Effect.fail(new NothingBefore({ hash: inForce.hash }))
  })

  const reload: Changes<C>["reload"] = (environment) =>
    Effect.fnUntraced(function* (transaction) {
      const { layering, snapshot: before } = acceptance.state
      const { revision } = yield* take("reload", { environment, runtime: layering.runtime })(transaction)
      return revision === before.revision ? [] : (acceptance.changesOf(revision) ?? [])
    })

  const override: Changes<C>["override"] = (edits) =>
    Effect.fnUntraced(function* (transaction) {
      const { layering, stored } = acceptance.state
      const refused = (problems: ReadonlyArray<Problem>) => refuse("api", undefined, problems)
      const runtime = yield* Effect.catch(Effect.fromResult(mergeOverrides(layering.runtime, edits)), refused)
      const next: Layering = { environment: layering.environment, runtime }
      const loaded = yield* Effect.catch(load(stored.text, next), refused)
      const marked = markersIn(edits)
      if (marked.length > 0) return yield* refused(marked)
      return yield* accept(transaction, { stored, loaded, layering: next, origin: "api", settles: false })
    })

  /** The text that would be written. */
  const planned = ({ loaded, stored }: Base<C>, wanted: ReadonlyArray<Edit> | string) => {
    if (typeof wanted === "string") return Effect.fromResult(document.restore(wanted, secretsOf(loaded, stored).text))
    return Result.isFailure(loaded) ? Effect.fail(loaded.failure) : edited(loaded.success, wanted)
  }

  const shadowed: Changes<C>["shadowed"] = (wanted, before) =>
    Effect.suspend(() => {
      const { layering } = acceptance.state
      const edits = typeof wanted === "string" ? document.editsBetween(before, wanted) : wanted
      const hidden = learned(layering, (layers) => document.shadowed(edits, layers))
      // Why a variable cannot be read is for the load to say.
      return Effect.orElseSucceed(hidden, () => [])
    })

  const plan: Changes<C>["plan"] = (wanted) =>
    Effect.fnUntraced(function* (transaction) {
      const base = yield* readBase
      const inForce = acceptance.state
      const tried = yield* Effect.result(
        Effect.flatMap(planned(base, wanted), (text) =>
          load(text, inForce.layering, Result.getOrUndefined(base.loaded)),
        ),
      )
      if (Result.isFailure(tried)) return { ...nothing, problems: tried.failure }
      const loaded = tried.success
      const changes = document.changes(inForce.loaded, loaded)
      const { restartRequired } = document.diff(inForce.loaded, loaded)
      const hash = yield* source.hash(loaded.text)
      const ready = yield* Effect.result(prepare(transaction, { stored: { text: loaded.text, hash }, loaded }))
      const { warnings } = loaded
      const said = { changes, shadowed: yield* shadowed(wanted, inForce.stored.text), restartRequired, warnings }
      return Result.isFailure(ready)
        ? { ...said, rebuilt: [], problems: ready.failure }
        : { ...said, rebuilt: ready.success.prepared?.rebuilt ?? [], problems: [] }
    })

  return { take, reload, update, replace, undo, override, plan, shadowed }
}

const nothing: Plan = { changes: [], shadowed: [], rebuilt: [], restartRequired: [], problems: [], warnings: [] }

/** What people are told of a source that cannot be read. */
export const problemOf = ({ code, detail }: SourceUnavailable): Problem => ({
  by: "source",
  path: "",
  message:
    code === "ENOENT"
      ? "the document is missing: put it back, or write a new one"
      : `cannot be read (${code}: ${detail})`,
})
