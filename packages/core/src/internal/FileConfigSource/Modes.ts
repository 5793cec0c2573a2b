/** Who else can read or replace the document. */
import { Effect, type FileSystem } from "effect"
import type { Site } from "../Site.ts"

/** Sentences for people; empty when all is well. A directory that cannot be looked at says nothing. */
export const modeWarnings = (
  { fs, name, path }: Site,
  file: FileSystem.File.Info,
  ownDirectory: boolean,
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.match(fs.stat(path.dirname(name)), {
    onFailure: () => [],
    onSuccess: (directory) => {
      const warnings: Array<string> = []
      if ((file.mode & 0o077) !== 0) {
        warnings.push(
          `${name} may hold secrets and others can read it (mode ${octal(file)}): the next write makes it 0600; chmod 600 does so now`,
        )
      }
      const where = path.dirname(name)
      if (ownDirectory && (directory.mode & 0o077) !== 0) {
        warnings.push(`${where} has mode ${octal(directory)}: the next write makes it 0700; chmod 700 does so now`)
      } else if ((directory.mode & 0o022) !== 0 && (directory.mode & STICKY) === 0) {
        warnings.push(
          `${where} has mode ${octal(directory)}: others can replace the configuration; chmod go-w ends that`,
        )
      }
      return warnings
    },
  })

/** Only owners may replace files there, as in /tmp. */
const STICKY = 0o1000

const octal = ({ mode }: FileSystem.File.Info): string => (mode & 0o7777).toString(8).padStart(4, "0")

/** Closes a directory of ours to others; where that fails, the warning stays. */
export const tighten = ({ fs }: Site, directory: string): Effect.Effect<void> =>
  Effect.ignore(
    Effect.flatMap(fs.stat(directory), ({ mode }) => ((mode & 0o077) === 0 ? Effect.void : fs.chmod(directory, 0o700))),
  )
