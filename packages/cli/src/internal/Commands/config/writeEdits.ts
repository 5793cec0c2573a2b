/** Writes edits. Reports a document that was refused before as the reason of a refusal. */
import { Effect } from "effect"
import type { ConfigAccess, Edit, Summary } from "../../ConfigAccess.ts"
import { type Failure, failed } from "../../Failure.ts"
import { escapeLine } from "../../TextFormat.ts"

export const writeEdits = (access: ConfigAccess, edits: ReadonlyArray<Edit>, ifHash?: string) =>
  access.change({ edits }, ifHash).pipe(
    Effect.catchIf(
      ({ kind }) => kind === "rejected",
      (error) => Effect.flatMap(access.summary, (summary) => Effect.fail(documentRefused(summary) ?? error)),
    ),
  )

const documentRefused = ({ problems, source }: Summary): Failure | undefined =>
  problems.length === 0
    ? undefined
    : failed(
        "document-refused",
        `nothing was changed: the document at ${escapeLine(source)} is already refused`,
        "correct it in the file, or restore the last accepted one with `signalbox config undo`",
        { problems, source },
      )
