/**
 * Whether a file can be read or written, asked before anything is done for it, so that it is said once and before somebody has typed for nothing.
 * Files are replaced in their directory, so that one counts; whether there is room shows only when they are.
 */
import { accessSync, constants, existsSync, realpathSync } from "node:fs"
import { dirname } from "node:path"
import { Effect } from "effect"
import { codeOf } from "./errorCode.ts"
import { type Failure, failed } from "./Failure.ts"
import { line } from "./TextFormat.ts"

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

/** A file that is not there is no matter of rights. */
export const mustBeReadable = (file: string): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const code = unreadable(file)
    return code === undefined
      ? Effect.void
      : Effect.fail(
          failed("unavailable", line(`${file} cannot be read: this user has no right to (${code})`), noRight[1], {
            details: { code, path: file },
          }),
        )
  })

/** The code, where this user has no right to read it. */
export const unreadable = (file: string): string | undefined => {
  try {
    accessSync(file, constants.R_OK)
    return undefined
  } catch (error) {
    const code = codeOf(error)
    return code === "EACCES" || code === "EPERM" ? code : undefined
  }
}

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
