/**
 * `config edit`: opens the document in an editor, as a private copy with redaction markers in place of secrets. A marker keeps its secret. The copy is
 * kept, and its path reported, whenever its text did not take effect.
 */
import { format } from "@signalbox/core/ConfigError"
import { Effect, type Scope } from "effect"
import type { ConfigAccess, State } from "../../ConfigAccess.ts"
import { type Failure, failed, usage } from "../../Failure.ts"
import { requireWritable } from "../../FilePermissions.ts"
import type { Json } from "../../GlobalFlags.ts"
import { printNote, stderrColors } from "../../Print.ts"
import { target } from "../../Target.ts"
import { escapeLine } from "../../TextFormat.ts"
import { withConfig } from "../../withConfig.ts"
import { ask } from "./ask.ts"
import { planLines, printWritten } from "./changeReport.ts"
import { type EditedCopy, makeEditedCopy } from "./EditedCopy.ts"
import { editorCommand, openEditor } from "./editor.ts"

export const edit = Effect.fnUntraced(function* ({ yes }: { readonly yes: boolean }) {
  if (!yes && !(process.stdin.isTTY && process.stderr.isTTY)) {
    return yield* usage(
      "an editor needs a terminal, and there is none",
      "use `signalbox config set`, or --yes with an editor that needs no terminal",
    )
  }
  // Checked before the user types anything.
  const { paths, remote } = yield* target
  if (remote === undefined) yield* requireWritable(paths.config)
  const editor = yield* editorCommand
  yield* withConfig("write", (access) => Effect.scoped(session(access, editor, yes)))
})

const session = (access: ConfigAccess, editor: string, yes: boolean) =>
  Effect.gen(function* () {
    const state = yield* access.state
    const isRefused = state.problems.length > 0
    const copy = yield* makeEditedCopy(state.text)
    if (isRefused) {
      yield* printNote(
        `the document at ${escapeLine(state.source)} is refused; you edit the last accepted one, and the refused one is kept in the history`,
      )
    }
    // Printed first, so that the path is known even after kill -9.
    yield* printNote(`editing ${copy.path}`)
    for (;;) {
      yield* openEditor(editor, copy.path)
      const text = yield* copy.read
      if (text === state.text && !isRefused) {
        yield* copy.discard
        return yield* printNote("nothing was changed")
      }
      const next = yield* decide(access, state, text, copy, yes)
      if (next === "edit") continue
      // The hash of a refused document is not the one in force, and the document is meant to be replaced.
      const written = yield* access.change({ text }, isRefused ? undefined : state.hash)
      yield* copy.discard
      return yield* printWritten(access, state, written, [])
    }
  })

/** Shows what the text would do, and asks whether to apply it or to edit again. Fails when the user stops here. */
const decide = (
  access: ConfigAccess,
  before: State,
  text: string,
  copy: EditedCopy,
  yes: boolean,
): Effect.Effect<"apply" | "edit", Failure, Scope.Scope | typeof Json.Identifier> =>
  Effect.gen(function* () {
    const plan = yield* access.plan({ text })
    if (plan.problems.length > 0) {
      const refused = failed("rejected", "your text is refused; nothing was changed", undefined, {
        problems: plan.problems,
        source: copy.path,
      })
      if (yes) return yield* refused
      for (const problem of plan.problems) yield* printNote(escapeLine(format(copy.path, problem)))
      if ((yield* ask("Back to the editor?", ["yes", "no"])) === "yes") return "edit"
      return yield* failed("aborted", refused.message)
    }
    const subject = { file: copy.path }
    yield* printNote(planLines(access, before, plan, subject, stderrColors()).join("\n"))
    if (yes) return "apply"
    const choice = yield* ask("Apply this?", ["yes", "edit", "no"])
    if (choice === "edit") return "edit"
    return choice === "yes" ? "apply" : yield* failed("aborted", "nothing was changed")
  })
