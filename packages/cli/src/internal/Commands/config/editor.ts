/** The editor of this user: `$VISUAL`, else `$EDITOR`, else one that is there. Both may be commands with arguments, as git takes them. */
import { spawn } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { Effect } from "effect"
import { type Failure, failed } from "../../Failure.ts"
import { withoutSignals } from "../../runMain.ts"
import { line } from "../../TextFormat.ts"

export const editorOf: Effect.Effect<string, Failure> = Effect.suspend(() => {
  const named = [process.env["VISUAL"], process.env["EDITOR"]].find((name) => name !== undefined && name.trim() !== "")
  const editor = named ?? ["vi", "nano"].find(isThere)
  return editor === undefined
    ? Effect.fail(failed("editor", "there is no editor: neither vi nor nano is installed", "set VISUAL or EDITOR"))
    : Effect.succeed(editor)
})

const isThere = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Waits until it ends. What the terminal's keys send meanwhile is for the editor; this waits for it. */
export const openEditor = (editor: string, path: string): Effect.Effect<void, Failure> =>
  withoutSignals(
    Effect.callback((resume) => {
      // The terminal's keys reach the shell in between too: with a trap it waits for the editor, and the editor is not told to ignore them.
      const child = spawn("/bin/sh", ["-c", `trap : INT QUIT\n${editor} "$@"`, editor, path], { stdio: "inherit" })
      child.once("error", (error) =>
        resume(Effect.fail(failed("editor", `the editor did not start (${error.message})`))),
      )
      child.once("exit", (code, signal) =>
        resume(
          code === 0
            ? Effect.void
            : Effect.fail(
                failed(
                  "editor",
                  `the editor ${line(editor)} ended with ${signal ?? `code ${code}`}; nothing was changed`,
                  code === 127 ? "set VISUAL or EDITOR to one that is installed" : undefined,
                ),
              ),
        ),
      )
    }),
  )
