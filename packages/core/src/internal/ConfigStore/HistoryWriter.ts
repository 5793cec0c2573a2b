/** What a store writes into the history. A failure is logged and never undoes or refuses a change. */
import { Effect } from "effect"
import type { ConfigDocument } from "../../ConfigDocument.ts"
import type { SourceUnavailable } from "../../ConfigError.ts"
import type { ConfigSource, Keeping, Stored } from "../../ConfigSource.ts"

/** Keeps an accepted text. If it rotates secrets of the text `rotated`, these are blanked in the whole history. */
export const keepAccepted = <C>(
  source: ConfigSource["Service"],
  document: ConfigDocument<C>,
  { hash, text }: Stored,
  rotated: string | undefined,
  keeping?: Keeping,
): Effect.Effect<void> => {
  const keep = Effect.catch(source.history.keep(text, hash, keeping), logFailure(source))
  if (rotated === undefined) return keep
  const blank = source.history.rewrite((kept) => document.redactRotated(kept, text, rotated))
  // In this order, because a process that is killed in between compares the newest kept text with the document when it starts, and blanks again.
  return Effect.andThen(Effect.catch(blank, logFailure(source)), keep)
}

/**
 * Keeps a text that a service refused, so that the next process starts with the configuration in force and not with this text, which passes
 * the schema. It is kept without secrets: a later rotation would not remove them.
 */
export const keepRefused = <C>(
  source: ConfigSource["Service"],
  document: ConfigDocument<C>,
  { hash, text }: Stored,
): Effect.Effect<void> =>
  Effect.catch(
    source.history.keep(document.redact(text), hash, { neverInForce: "refused" }),
    logFailure(source, "correct the document before a restart, which would try it again"),
  )

const logFailure =
  ({ name }: ConfigSource["Service"], consequence = "the configuration is in force") =>
  ({ code, detail }: SourceUnavailable) =>
    Effect.logWarning(`The history of ${name} could not be written (${code}: ${detail}); ${consequence}`)
