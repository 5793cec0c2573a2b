/** `config undo`: restores the previous document as a new change. */
import { Effect } from "effect"
import { printNote } from "../../Print.ts"
import { withConfig } from "../../withConfig.ts"
import { printWritten } from "./changeReport.ts"

export const undo = withConfig("write", (access) =>
  Effect.gen(function* () {
    const before = yield* access.summary
    yield* printWritten(access, before, yield* access.undo, [])
    if (before.problems.length > 0) yield* printNote("the document was refused; it is kept in the history")
  }),
)
