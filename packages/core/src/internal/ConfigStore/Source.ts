/** The document at the source: reading it, and bringing it into force. */
import { Effect, Result, type Scope } from "effect"
import type { ConfigDocument, Edit, Loaded } from "../../ConfigDocument.ts"
import type { NothingBefore, Problem, Rejected, SecretNotKept, SourceUnavailable } from "../../ConfigError.ts"
import type { Origin } from "../../ConfigEvents.ts"
import type { Stored } from "../../ConfigSource.ts"
import { parsePointer, pointer } from "../../JsonPointer.ts"
import type { Transaction } from "../../Reconciler.ts"
import type { Acceptance } from "./Acceptance.ts"
import type { Layering } from "./Layering.ts"
import type { Snapshot } from "./Results.ts"
import type { Dependencies, WriteError } from "./State.ts"

/** A change of the Reconciler that this store makes. */
export type StoreChange<A> = (transaction: Transaction) => Effect.Effect<A, Refusal, Scope.Scope>
export type Refusal = Rejected | SecretNotKept | NothingBefore | WriteError

/** The document that a write starts from. `loaded` is its configuration, or why it is refused. */
export type Base<C> = {
  readonly stored: Stored
  readonly loaded: Result.Result<Loaded<C>, ReadonlyArray<Problem>>
} & (
  | { readonly _tag: "Present" }
  /** There is no document at the source: the write starts from the one in force. */
  | { readonly _tag: "Missing" }
)

export const readBase = <C>(
  { source }: Dependencies<C>,
  acceptance: Acceptance<C>,
): Effect.Effect<Base<C>, SourceUnavailable> =>
  Effect.gen(function* () {
    const { layering, loaded, stored: inForce } = acceptance.inForce
    const stored = yield* Effect.catchIf(
      source.read,
      ({ code }) => code === "ENOENT",
      () => Effect.undefined,
      refuseUnreadable(acceptance, "api"),
    )
    if (stored === undefined) return { _tag: "Missing", stored: inForce, loaded: Result.succeed(loaded) }
    if (stored.hash === inForce.hash) return { _tag: "Present", stored, loaded: Result.succeed(loaded) }
    return { _tag: "Present", stored, loaded: yield* Effect.result(acceptance.load(stored.text, layering)) }
  })

/** The text whose secrets a redaction marker keeps. No secret can be taken from a text that does not load. */
export const secretsFor = <C>({ loaded, stored }: Base<C>, acceptance: Acceptance<C>): string =>
  Result.isSuccess(loaded) ? stored.text : acceptance.inForce.stored.text

/** Edits refer to the current version: a document of an older version is migrated first. */
export const editedText = <C>(document: ConfigDocument<C>, loaded: Loaded<C>, edits: ReadonlyArray<Edit>) =>
  Effect.fromResult(document.edit(loaded.migrated?.text ?? loaded.text, edits))

/** The problems of edits whose result is valid, at the paths that they name. */
export const problemsOfEdits = <C>(
  { checkEdits }: Dependencies<C>,
  { config }: Loaded<C>,
  edits: ReadonlyArray<Edit>,
): ReadonlyArray<Problem> =>
  checkEdits(
    config,
    edits.map(({ path }) => parsePointer(path) ?? []),
  ).map(({ message, path }) => ({ by: "schema", path: pointer(path), message }))

/** Brings the document at the source into force. */
export const takeDocument =
  <C>({ source }: Dependencies<C>, acceptance: Acceptance<C>) =>
  (origin: "file" | "reload", layering?: Layering): StoreChange<Snapshot<C>> =>
  (transaction) =>
    Effect.catch(source.read, refuseUnreadable(acceptance, origin)).pipe(
      Effect.tap(Effect.yieldNow),
      Effect.flatMap((stored) => {
        const { inForce, refusals } = acceptance
        const { status } = refusals
        // Only a reload tries it again: a hint comes at every start.
        if (origin === "file" && status._tag === "RefusedEarlier" && status.hash === stored.hash)
          return refusals.refuseDocument(origin, status)
        return bringIntoForce(acceptance, transaction, origin, stored, layering ?? inForce.layering)
      }),
    )

export const bringIntoForce = Effect.fnUntraced(function* <C>(
  { accept, acceptDocument, inForce, load, refusals }: Acceptance<C>,
  transaction: Transaction,
  origin: Origin,
  stored: Stored,
  layering: Layering,
) {
  const isInForce = stored.hash === inForce.stored.hash
  if (isInForce && layering === inForce.layering) {
    yield* acceptDocument(origin)
    return inForce.snapshot
  }
  const loaded = yield* Effect.catch(load(stored.text, layering), (problems) =>
    isInForce
      ? refusals.refuseChange(origin, stored.hash, problems)
      : refusals.refuseDocument(origin, { _tag: "Refused", hash: stored.hash, problems }),
  )
  return yield* accept(transaction, { _tag: "Saved", stored, loaded, layering, origin })
})

const refuseUnreadable =
  <C>({ refusals }: Acceptance<C>, origin: Origin) =>
  (error: SourceUnavailable) =>
    Effect.andThen(
      Effect.ignore(refusals.refuseDocument(origin, { _tag: "Unreadable", problems: [unreadableProblem(error)] })),
      Effect.fail(error),
    )

/** Why the source cannot be read, as a problem of the document. */
export const unreadableProblem = ({ code, detail }: SourceUnavailable): Problem => ({
  by: "source",
  path: "",
  message:
    code === "ENOENT"
      ? "the document is missing: put it back, or write a new one"
      : `cannot be read (${code}: ${detail})`,
})
