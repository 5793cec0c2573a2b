/** The user's editor: `$VISUAL`, else `$EDITOR`, else an installed one. The variables may hold a command with arguments, as for git. */
import { spawn } from "node:child_process"
import { accessSync, constants } from "node:fs"
import { delimiter, join } from "node:path"
import { Effect } from "effect"
import { type Failure, failed } from "../../Failure.ts"
import { ignoringSignals } from "../../runMain.ts"
import { escapeLine } from "../../TextFormat.ts"

export const editorCommand: Effect.Effect<string, Failure> = Effect.suspend(() => {
  const named = [process.env["VISUAL"], process.env["EDITOR"]].find((name) => name !== undefined && name.trim() !== "")
  const editor = named ?? ["vi", "nano"].find(isInstalled)
  return editor === undefined
    ? Effect.fail(failed("editor", "there is no editor: neither vi nor nano is installed", "set VISUAL or EDITOR"))
    : Effect.succeed(editor)
})

const isInstalled = (program: string): boolean =>
  (process.env["PATH"] ?? "").split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Waits until the editor ends, and leaves the signals of the terminal's keys to it. */
export const openEditor = (editor: string, path: string): Effect.Effect<void, Failure> =>
  ignoringSignals(
    Effect.callback((resume) => {
      // The trap keeps the shell waiting after Ctrl-C. An ignored signal would be ignored by the editor too.
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
                  `the editor ${escapeLine(editor)} ended with ${signal ?? `code ${code}`}; nothing was changed`,
                  code === 127 ? "set VISUAL or EDITOR to an installed editor" : undefined,
                ),
              ),
        ),
      )
    }),
  )
