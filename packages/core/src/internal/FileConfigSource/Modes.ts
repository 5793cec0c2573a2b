/** Who else can read or change the document. */
import { Effect, type FileSystem } from "effect"
import type { ManagedFile } from "../ManagedFile.ts"

/** Sentences for people, none if all is well. A directory that cannot be examined yields none. */
export const modeWarnings = (
  { distrust, fs, name, path }: ManagedFile,
  file: FileSystem.File.Info,
  ownDirectory: boolean,
): Effect.Effect<ReadonlyArray<string>> => {
  const directory = path.dirname(name)
  const found = Effect.all([
    fs.stat(directory),
    distrust(directory),
    distrust(name),
    distrust(path.join(directory, "history")),
  ])
  return Effect.match(found, {
    onFailure: () => [],
    onSuccess: ([info, ...foreign]) => {
      const warnings = foreign.filter((sentence) => sentence !== undefined)
      if ((file.mode & 0o077) !== 0) {
        warnings.push(
          `${name} may hold secrets and others can read it (mode ${octal(file)}): the next write makes it 0600; chmod 600 does so now`,
        )
      }
      if (ownDirectory && (info.mode & 0o077) !== 0) {
        warnings.push(`${directory} has mode ${octal(info)}: the next write makes it 0700; chmod 700 does so now`)
      } else if ((info.mode & 0o022) !== 0) {
        const danger =
          (info.mode & sticky) === 0 ? "replace the configuration" : "plant files and links beside the configuration"
        warnings.push(`${directory} has mode ${octal(info)}: others can ${danger}; chmod go-w prevents that`)
      }
      return warnings
    },
  })
}

/** Others cannot replace files there, as in /tmp. */
const sticky = 0o1000

const octal = ({ mode }: FileSystem.File.Info): string => (mode & 0o7777).toString(8).padStart(4, "0")

/** Closes a directory of Signalbox to others. If that fails, the warning stays. */
export const tighten = ({ fs }: ManagedFile, directory: string): Effect.Effect<void> =>
  Effect.ignore(
    Effect.flatMap(fs.stat(directory), ({ mode }) => ((mode & 0o077) === 0 ? Effect.void : fs.chmod(directory, 0o700))),
  )
