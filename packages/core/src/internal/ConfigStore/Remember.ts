/** What a store puts into the history. Nothing that fails here makes a change undone, or a refusal. */
import { Effect } from "effect"
import type { ConfigDocument } from "../../ConfigDocument.ts"
import type { SourceUnavailable } from "../../ConfigError.ts"
import type { ConfigSource, Keeping, Stored } from "../../ConfigSource.ts"

/** Keeps an accepted text, and blanks what it rotated out of the text `rotated`, if it did. Nothing that fails here makes the change undone: it is in force. */
export const remember = <C>(
  source: ConfigSource["Service"],
  document: ConfigDocument<C>,
  { hash, text }: Stored,
  rotated: string | undefined,
  keeping?: Keeping,
): Effect.Effect<void> => {
  const keep = Effect.catch(source.history.keep(text, hash, keeping), unkept(source))
  if (rotated === undefined) return keep
  const blank = source.history.rewrite((kept) => document.redactRotated(kept, text, rotated))
  return Effect.andThen(keep, Effect.catch(blank, unkept(source)))
}

/**
 * The next process starts with what is in force now, and not with a text that passes the schema and fails its services. Its secrets stay out
 * of the history: none of them would be rotated out of it.
 */
export const rememberRefused = <C>(
  source: ConfigSource["Service"],
  document: ConfigDocument<C>,
  { hash, text }: Stored,
): Effect.Effect<void> =>
  Effect.catch(
    source.history.keep(document.redact(text), hash, { neverInForce: "refused" }),
    unkept(source, "correct the document before a restart, which would try it again"),
  )

const unkept =
  ({ name }: ConfigSource["Service"], consequence = "the configuration is in force") =>
  ({ code, detail }: SourceUnavailable) =>
    Effect.logWarning(`The history of ${name} could not be written (${code}: ${detail}); ${consequence}`)
