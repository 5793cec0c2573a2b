/** Removes the files that a dead writer left beside the document, and saves in the history the texts that exist nowhere else. */
import { Effect, Option } from "effect"
import { isLeftover } from "../../AtomicFile.ts"
import type { SourceUnavailable } from "../../ConfigError.ts"
import { displacedHashes, isDisplaced } from "../LeftoverNames.ts"
import { type ManagedFile, orMissing } from "../ManagedFile.ts"
import { readText } from "../ReadText.ts"
import type { FileHistory } from "./FileHistory.ts"
import { completeInPlace } from "./InPlace.ts"

/**
 * Removes a displaced file. If its text is neither the document before the write nor the one after it, an editor saved it: then the history keeps
 * it, and its hash is returned. A text that cannot be kept stays where it is, for the next sweep.
 */
export const removeDisplaced = Effect.fnUntraced(function* (
  document: ManagedFile,
  history: FileHistory,
  file: string,
): Effect.fn.Return<Option.Option<string>, SourceUnavailable> {
  const [before, after] = displacedHashes(file)
  const found = yield* readText(document, file)
  const isForeign = !found.hash.startsWith(before) && !found.hash.startsWith(after)
  if (isForeign) yield* history.keep(found.text, found.hash, { neverInForce: "overwritten" })
  yield* Effect.ignore(document.fs.remove(file))
  return isForeign ? Option.some(found.hash) : Option.none()
})

/** The leftovers of dead writers beside the document at `real`. */
export const leftovers = (
  { fs, path }: ManagedFile,
  real: string,
): Effect.Effect<ReadonlyArray<string>, SourceUnavailable> => {
  const [directory, document] = [path.dirname(real), path.basename(real)]
  return Effect.map(orMissing(directory, [])(fs.readDirectory(directory)), (names) =>
    names.filter((name) => isLeftover(document, name)).map((name) => path.join(directory, name)),
  )
}

/** Under the lock every leftover belongs to a dead writer. Never fails: the next sweep removes what stays. */
export const sweep = Effect.fnUntraced(function* (document: ManagedFile, history: FileHistory, real: string) {
  for (const file of yield* Effect.orElseSucceed(leftovers(document, real), () => [])) {
    if (!isDisplaced(document.path.basename(real), document.path.basename(file))) {
      yield* Effect.ignore(document.fs.remove(file))
      continue
    }
    if (yield* Effect.orElseSucceed(completeInPlace(document, history, real, file), () => false)) {
      yield* Effect.logWarning(`a write of ${document.name} was cut in the middle and is complete now`)
    }
    const kept = yield* Effect.orElseSucceed(removeDisplaced(document, history, file), Option.none)
    if (Option.isSome(kept)) {
      yield* Effect.logWarning(
        `a writer of ${document.name} died while an editor saved it: the saved text is in the history under ${kept.value}`,
      )
    }
  }
})
