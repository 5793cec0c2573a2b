/**
 * Names that a writer needs for moments, and what to do with those that a dead one left. Beside the document stand
 * `.<document>.<random>.new` (being written: worthless), and `.<document>.<random>.<hash before>.<hash after>.old` (whole: either of these
 * two documents, or, by its hash, what a foreign editor saved in the last instant).
 */
import { Effect, Option } from "effect"
import type { SourceUnavailable } from "../ConfigError.ts"
import type { FileHistory } from "./FileHistory.ts"
import { readText } from "./Files.ts"
import { codeOf, type Site, unavailable } from "./Site.ts"

export const stemOf = ({ name, path }: Site): string => `.${path.basename(name)}`

/** Sixteen digits are enough to tell two texts apart that nobody chose to collide. */
const SHORT = 16

export const asOld = (temporary: string, before: string, after: string): string =>
  temporary.replace(/\.new$/, `.${before.slice(0, SHORT)}.${after.slice(0, SHORT)}.old`)

/**
 * Looks at a displaced file and removes it: when it holds a text that is neither the old document nor the new, that goes into the history
 * first, and its hash is the answer. What cannot be kept stays where it is, for the next one who sweeps.
 */
export const settle = Effect.fnUntraced(function* (
  site: Site,
  history: FileHistory,
  file: string,
): Effect.fn.Return<Option.Option<string>, SourceUnavailable> {
  const [, before = "", after = ""] = /\.([0-9a-f]+)\.([0-9a-f]+)\.old$/.exec(file) ?? []
  const found = yield* readText(site, file)
  const foreign = !found.hash.startsWith(before) && !found.hash.startsWith(after)
  if (foreign) yield* history.keep(found.text, found.hash)
  yield* Effect.ignore(site.fs.remove(file))
  return foreign ? Option.some(found.hash) : Option.none()
})

/** What writers that died have left beside the document. */
export const leftovers = (site: Site, directory: string): Effect.Effect<ReadonlyArray<string>, SourceUnavailable> =>
  Effect.matchEffect(site.fs.readDirectory(directory), {
    onSuccess: (names) =>
      Effect.succeed(
        names
          .filter(
            (name) =>
              name.startsWith(`${stemOf(site)}.`) && /\.[0-9a-z]{10}(\.[0-9a-f]+\.[0-9a-f]+\.old|\.new)$/.test(name),
          )
          .map((name) => site.path.join(directory, name)),
      ),
    onFailure: (error) =>
      codeOf(error) === "ENOENT" ? Effect.succeed([]) : Effect.fail(unavailable(directory)(error)),
  })

/** For one who holds the lock, under which every such name belongs to the dead. Never fails: what stays is swept another time. */
export const sweep = Effect.fnUntraced(function* (site: Site, history: FileHistory, directory: string) {
  for (const file of yield* Effect.orElseSucceed(leftovers(site, directory), () => [])) {
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
