/**
 * Whether a file can be written, asked before anything is done for it. Files are replaced in their directory, so that one counts; whether there
 * is room shows only when they are.
 */
import { accessSync, constants, existsSync, realpathSync } from "node:fs"
import { dirname } from "node:path"
import { Effect } from "effect"
import { type Failure, failed } from "../Failure.ts"
import { line } from "../Shown.ts"
import { codeOf } from "../SystemCode.ts"

export const mustBeWritable = (file: string): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const directory = directoryOf(file)
    try {
      accessSync(directory, constants.W_OK | constants.X_OK)
      return Effect.void
    } catch (error) {
      const code = codeOf(error)
      const refusal = refusals[code]
      // Whatever else is wrong, who goes there says better.
      if (refusal === undefined) return Effect.void
      const [why, hint] = refusal
      return Effect.fail(
        failed("unavailable", line(`${file} cannot be written: ${why(directory)} (${code})`), hint, {
          details: { code, path: directory },
        }),
      )
    }
  })

/** Of the file itself where the path is a link; where it is not there yet, the nearest one that is. */
const directoryOf = (file: string): string => {
  let directory = dirname(existsSync(file) ? realpathSync(file) : file)
  while (!existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory)
  return directory
}

const noRight = [
  (directory: string) => `this user has no right to write to ${directory}`,
  "run this as the user who owns it, or name another document with --config",
] as const

const refusals: Readonly<Record<string, readonly [why: (directory: string) => string, hint: string]>> = {
  EROFS: [
    (directory) => `the file system of ${directory} is mounted read-only`,
    "make it writable, or name another document with --config",
  ],
  EACCES: noRight,
  EPERM: noRight,
}
