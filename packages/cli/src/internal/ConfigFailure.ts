/** Failures that the host and the files have in common. */
import type { Problem } from "@signalbox/core/ConfigError"
import { conflict, type Failure, failed } from "./Failure.ts"
import { escapeLine } from "./TextFormat.ts"

/** A refused change. Its problems name paths: their positions are in a text that was never written. */
export const rejected = (problems: ReadonlyArray<Problem>): Failure =>
  failed("rejected", "the change is refused; nothing was changed", "correct the value and try again", {
    problems: problems.map(withoutPosition),
  })

/** A refused document that the user has at `source`. */
export const rejectedDocument = (problems: ReadonlyArray<Problem>, source: string): Failure =>
  failed("rejected", `${escapeLine(source)} is refused`, "correct it and try again", { problems, source })

export const withoutPosition = ({ by, message, path }: Problem): Problem => ({ by, message, path })

export const stale = (actual: string): Failure =>
  conflict(
    "stale",
    "the document has changed since it was read; nothing was changed",
    "look at the difference (`signalbox config diff`) and repeat the change",
    { details: { actual } },
  )

/** An undo that has nothing to go back to, or cannot go back. */
export const unchanged = (message: string, hint = "`signalbox config history` lists earlier documents"): Failure =>
  conflict("conflict", message, hint)

/** The note beside the configuration in force when the document itself is refused. */
export const lastGoodNote = (document: string): string =>
  escapeLine(
    `the document at ${document} is refused; this is the last accepted one (\`signalbox doctor\` shows the reason)`,
  )
