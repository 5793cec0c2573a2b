/** The refusals that a host and the files have in common. */
import type { Problem } from "@signalbox/core/ConfigError"
import { conflict, type Failure, failed } from "./Failure.ts"
import { line } from "./TextFormat.ts"

export const refused = (problems: ReadonlyArray<Problem>, source?: string): Failure =>
  failed("rejected", "the configuration is refused", "correct what is named above and try again; nothing was changed", {
    problems,
    ...(source === undefined ? {} : { source }),
  })

export const moved = (actual: string): Failure =>
  conflict(
    "stale",
    "the document has changed since it was read; nothing was changed",
    "look at it (`signalbox config diff`) and repeat the change",
    { details: { actual } },
  )

/** An undo that has nothing to go back to, or no way. */
export const unchanged = (message: string, hint = "`signalbox config history` lists what was in force"): Failure =>
  conflict("conflict", message, hint)

/** Beside what is shown instead of a document that is refused. */
export const lastGood = (document: string): string =>
  line(`the document at ${document} is refused; this is the last one that was accepted (\`signalbox doctor\` says why)`)
