/** The copy of the document that an editor works on: a file with mode 0600 in a directory of its own. Kept when its text did not take effect. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Exit, type Scope } from "effect"
import { errorCode } from "../../errorCode.ts"
import { type Failure, failed } from "../../Failure.ts"
import { escapeLine } from "../../TextFormat.ts"

export interface EditedCopy {
  readonly path: string
  readonly read: Effect.Effect<string, Failure>
  /** Removes the copy. For a text that took effect, or was not changed. */
  readonly discard: Effect.Effect<void>
}

export const makeEditedCopy = (text: string): Effect.Effect<EditedCopy, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const path = yield* Effect.try({
      try: () => writeCopy(text),
      catch: (error) =>
        failed(
          "draft",
          `no copy can be written to ${escapeLine(tmpdir())} (${errorCode(error)})`,
          "free some space, or set TMPDIR",
        ),
    })
    let isDiscarded = false
    const discard = Effect.sync(() => {
      isDiscarded = true
      rmSync(dirname(path), { recursive: true, force: true })
    })
    const read = Effect.try({
      // Fatal: U+FFFD in place of invalid bytes would be written back to the document.
      try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path)),
      catch: (error) =>
        errorCode(error) === "ERR_ENCODING_INVALID_ENCODED_DATA"
          ? failed("draft", `${path} is not UTF-8; nothing was changed`, "let the editor save it as UTF-8")
          : failed("draft", `${path} cannot be read after the editor (${errorCode(error)}); nothing was changed`),
    })
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        if (isDiscarded) return Effect.void
        if (textAt(path) === text) return discard
        return Effect.sync(() => {
          if (!Exit.isSuccess(exit)) process.stderr.write(`your text is kept at ${path}\n`)
        })
      }),
    )
    return { path, read, discard }
  })

const writeCopy = (text: string): string => {
  // mkdtemp(3) creates it with mode 0700.
  const directory = mkdtempSync(join(tmpdir(), "signalbox-edit-"))
  try {
    const path = join(directory, "config.jsonc")
    // Node repeats short writes, so that the editor never opens a part of the text.
    writeFileSync(path, text, { flag: "wx", mode: 0o600 })
    return path
  } catch (error) {
    rmSync(directory, { recursive: true, force: true })
    throw error
  }
}

const textAt = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
