/**
 * `config edit`: the document in an editor, as a private copy without secrets; the redaction markers in it keep them. What was written is never
 * thrown away while it is not in force: whatever goes wrong, its place is said.
 */

import type * as ConfigGroup from "@signalbox/api/ConfigGroup"
import { format } from "@signalbox/core/ConfigError"
import { Effect, type Scope } from "effect"
import { type Access, where, withAccess } from "../../ConfigAccess.ts"
import { type Failure, failed, usage } from "../../Failure.ts"
import { mustBeWritable } from "../../FilePermissions.ts"
import type { Json } from "../../GlobalFlags.ts"
import { paint, remark } from "../../Print.ts"
import { line } from "../../TextFormat.ts"
import { ask } from "./ask.ts"
import { planLines, tellWritten } from "./changeReport.ts"
import { type Draft, makeDraft } from "./EditedCopy.ts"
import { editorOf, openEditor } from "./editor.ts"

export const edit = Effect.fnUntraced(function* ({ yes }: { readonly yes: boolean }) {
  if (!yes && !(process.stdin.isTTY && process.stderr.isTTY)) {
    return yield* usage(
      "an editor needs a terminal, and there is none",
      "use `signalbox config set`, or --yes with an editor that needs no terminal",
    )
  }
  // Before somebody has typed for nothing.
  yield* mustBeWritable((yield* where).place.config)
  const editor = yield* editorOf
  yield* withAccess("write", (access) => Effect.scoped(session(access, editor, yes)))
})

const session = (access: Access, editor: string, yes: boolean) =>
  Effect.gen(function* () {
    const state = yield* access.state
    const refusedThere = state.problems.length > 0
    const draft = yield* makeDraft(state.text)
    if (refusedThere) {
      yield* remark(
        `the document at ${line(state.source)} is refused; this is the last one that was accepted, and that one goes into the history`,
      )
    }
    // Said first: after kill -9 nobody says anything.
    yield* remark(`editing ${draft.path}`)
    for (;;) {
      yield* openEditor(editor, draft.path)
      const text = yield* draft.read
      if (text === state.text && !refusedThere) {
        yield* draft.discard
        return yield* remark("nothing was changed")
      }
      const next = yield* decide(access, text, draft, yes)
      if (next === "edit") continue
      // A refused document has another hash than the one in force, and is to be replaced.
      const written = yield* access.change({ text }, refusedThere ? undefined : state.hash)
      yield* draft.discard
      return yield* tellWritten(access, written)
    }
  })

/** Shows what the text would do; `edit`: once more. Fails where it ends here. */
const decide = (
  access: Access,
  text: string,
  draft: Draft,
  yes: boolean,
): Effect.Effect<"apply" | "edit", Failure, Scope.Scope | typeof Json.Identifier> =>
  Effect.gen(function* () {
    const plan = yield* access.plan({ text })
    yield* show(access, plan, draft)
    if (plan.problems.length > 0) {
      if (!yes && (yield* ask("Back to the editor?", ["yes", "no"])) === "yes") return "edit"
      return yield* failed("rejected", "the configuration is refused; nothing was changed", undefined, {
        problems: plan.problems,
        source: draft.path,
      })
    }
    if (yes) return "apply"
    const chosen = yield* ask("Apply this?", ["yes", "edit", "no"])
    if (chosen === "edit") return "edit"
    return chosen === "yes" ? "apply" : yield* failed("aborted", "nothing was changed")
  })

const show = Effect.fnUntraced(function* (access: Access, plan: ConfigGroup.Plan, draft: Draft) {
  const colours = yield* paint
  if (plan.problems.length === 0) return yield* remark(planLines(access, plan, colours).join("\n"))
  for (const problem of plan.problems) yield* remark(line(format(draft.path, problem)))
})
