/** The copy that an editor works on: 0600, in a directory of its own. It goes away when its text is in force, and else stays and is named. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { Effect, Exit, type Scope } from "effect"
import { codeOf } from "../../errorCode.ts"
import { type Failure, failed } from "../../Failure.ts"
import { line } from "../../TextFormat.ts"

export interface Draft {
  readonly path: string
  readonly read: Effect.Effect<string, Failure>
  /** Its text is in force, or is what it was. */
  readonly discard: Effect.Effect<void>
}

export const makeDraft = (text: string): Effect.Effect<Draft, Failure, Scope.Scope> =>
  Effect.gen(function* () {
    const path = yield* Effect.try({
      try: () => {
        // mkdtemp(3) makes it 0700.
        const directory = mkdtempSync(join(tmpdir(), "signalbox-edit-"))
        const path = join(directory, "config.jsonc")
        try {
          // All of it: one write(2) may take a part, and a text that was cut may be right.
          writeFileSync(path, text, { flag: "wx", mode: 0o600 })
          return path
        } catch (error) {
          rmSync(directory, { recursive: true, force: true })
          throw error
        }
      },
      catch: (error) =>
        failed("draft", `no copy can be made in ${line(tmpdir())} (${codeOf(error)})`, "make room, or set TMPDIR"),
    })
    const directory = dirname(path)
    let discarded = false
    const discard = Effect.sync(() => {
      discarded = true
      rmSync(directory, { recursive: true, force: true })
    })
    const read = Effect.try({
      // Not with U+FFFD for what is none: that would be written back.
      try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(path)),
      catch: (error) =>
        codeOf(error) === "ERR_ENCODING_INVALID_ENCODED_DATA"
          ? failed("draft", `${path} is not UTF-8; nothing was changed`, "let the editor save it as UTF-8")
          : failed("draft", `${path} cannot be read after the editor (${codeOf(error)}); nothing was changed`),
    })
    yield* Effect.addFinalizer((exit) =>
      Effect.suspend(() => {
        if (discarded) return Effect.void
        // Whoever typed nothing new loses nothing.
        if (current(path) === text) return discard
        return Effect.sync(() => {
          if (!Exit.isSuccess(exit)) process.stderr.write(`your text is kept at ${path}\n`)
        })
      }),
    )
    return { path, read, discard }
  })

const current = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}
