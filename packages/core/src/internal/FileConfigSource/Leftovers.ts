/** What to do with the names (`Names.ts`) that a writer uses, and with those that a dead one left. */
import { Effect, Option } from "effect"
import type { SourceUnavailable } from "../../ConfigError.ts"
import { readText } from "../Files.ts"
import { hashesOf, isOld, isTemporary } from "../Names.ts"
import { codeOf, type Site, unavailable } from "../Site.ts"
import type { FileHistory } from "./FileHistory.ts"

/**
 * Looks at a displaced file and removes it: when it holds a text that is neither the old document nor the new, that goes into the history
 * first, and its hash is the answer. What cannot be kept stays where it is, for the next one who sweeps.
 */
export const settle = Effect.fnUntraced(function* (
  site: Site,
  history: FileHistory,
  file: string,
): Effect.fn.Return<Option.Option<string>, SourceUnavailable> {
  const [before, after] = hashesOf(file)
  const found = yield* readText(site, file)
  const foreign = !found.hash.startsWith(before) && !found.hash.startsWith(after)
  if (foreign) yield* history.keep(found.text, found.hash, { neverInForce: "overwritten" })
  yield* Effect.ignore(site.fs.remove(file))
  return foreign ? Option.some(found.hash) : Option.none()
})

/** What writers of the document at `real` that died have left beside it. */
export const leftovers = (
  { fs, path }: Site,
  real: string,
): Effect.Effect<ReadonlyArray<string>, SourceUnavailable> => {
  const [directory, document] = [path.dirname(real), path.basename(real)]
  return Effect.matchEffect(fs.readDirectory(directory), {
    onSuccess: (names) =>
      Effect.succeed(
        names
          .filter((name) => isTemporary(document, name) || isOld(document, name))
          .map((name) => path.join(directory, name)),
      ),
    onFailure: (error) =>
      codeOf(error) === "ENOENT" ? Effect.succeed([]) : Effect.fail(unavailable(directory)(error)),
  })
}

/** For one who holds the lock, under which every such name belongs to the dead. Never fails: what stays is swept another time. */
export const sweep = Effect.fnUntraced(function* (site: Site, history: FileHistory, real: string) {
  for (const file of yield* Effect.orElseSucceed(leftovers(site, real), () => [])) {
    if (file.endsWith(".new")) yield* Effect.ignore(site.fs.remove(file))
    else {
      const kept = yield* Effect.orElseSucceed(settle(site, history, file), Option.none)
      if (Option.isSome(kept)) {
        yield* Effect.logWarning(
          `what was saved to ${site.name} while a writer died is in the history under ${kept.value}`,
        )
      }
    }
  }
  yield* history.sweep
})
