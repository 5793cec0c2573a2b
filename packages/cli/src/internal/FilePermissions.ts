/**
 * Checks whether this user may read or write a file before a command does any work, so that the reason is reported once and nothing that was typed is
 * lost. Files are replaced in their directory, so writing needs rights to the directory.
 */
import { accessSync, constants, existsSync, realpathSync } from "node:fs"
import { dirname } from "node:path"
import { Effect } from "effect"
import { errorCode } from "./errorCode.ts"
import { type Failure, failed } from "./Failure.ts"
import { escapeLine } from "./TextFormat.ts"

export const requireWritable = (file: string): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const directory = directoryOf(file)
    try {
      accessSync(directory, constants.W_OK | constants.X_OK)
      return Effect.void
    } catch (error) {
      const code = errorCode(error)
      const refusal = refusals[code]
      // The write itself reports other errors better.
      if (refusal === undefined) return Effect.void
      const [why, hint] = refusal
      return Effect.fail(
        failed("unavailable", escapeLine(`${file} cannot be written: ${why(directory)} (${code})`), hint, {
          details: { code, path: directory },
        }),
      )
    }
  })

/** Succeeds for a file that does not exist. */
export const requireReadable = (file: string): Effect.Effect<void, Failure> =>
  Effect.suspend(() => {
    const code = readDenied(file)
    return code === undefined
      ? Effect.void
      : Effect.fail(
          failed("unavailable", escapeLine(`${file} cannot be read: this user has no right to (${code})`), noRight[1], {
            details: { code, path: file },
          }),
        )
  })

/** The error code if this user has no right to read the file. */
export const readDenied = (file: string): string | undefined => {
  try {
    accessSync(file, constants.R_OK)
    return undefined
  } catch (error) {
    const code = errorCode(error)
    return code === "EACCES" || code === "EPERM" ? code : undefined
  }
}

/** The directory of the file behind links. For a file that does not exist, the nearest directory that does. */
const directoryOf = (file: string): string => {
  let directory = dirname(existsSync(file) ? realpathSync(file) : file)
  while (!existsSync(directory) && directory !== dirname(directory)) directory = dirname(directory)
  return directory
}

const noRight = [
  (directory: string) => `this user has no right to write to ${directory}`,
  "run this as the user that owns it, or name another document with --config",
] as const

const refusals: Readonly<Record<string, readonly [why: (directory: string) => string, hint: string]>> = {
  EROFS: [
    (directory) => `the file system of ${directory} is mounted read-only`,
    "make it writable, or name another document with --config",
  ],
  EACCES: noRight,
  EPERM: noRight,
}
