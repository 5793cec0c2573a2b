/**
 * Finds the path of the document: `--config`, else `SIGNALBOX_CONFIG`, else the default in the data directory of core's `dataDirectory`. Does not
 * use effect, because `status --tmux` must start quickly.
 */
import { isAbsolute, join, resolve } from "node:path"

export type DocumentPath =
  | {
      readonly path: string
      /** Whether the user named it. Otherwise it is in the default directory, which belongs to Signalbox. */
      readonly isNamed: boolean
    }
  /** The path is relative, and the working directory was removed. */
  | "no-directory"
  /** Neither `XDG_DATA_HOME` nor `HOME` is an absolute path. */
  | "no-home"

export const findDocument = (flag: string | undefined, environment: NodeJS.ProcessEnv): DocumentPath => {
  const named = flag ?? environment["SIGNALBOX_CONFIG"]
  if (named !== undefined && named !== "") return absolute(named)
  const data = environment["XDG_DATA_HOME"] ?? ""
  // The XDG specification says to ignore a relative path.
  if (isAbsolute(data)) return { path: join(data, "signalbox", "config.json"), isNamed: false }
  const home = environment["HOME"] ?? ""
  return isAbsolute(home)
    ? { path: join(home, ".local", "share", "signalbox", "config.json"), isNamed: false }
    : "no-home"
}

const absolute = (path: string): DocumentPath => {
  try {
    return { path: resolve(path), isNamed: true }
  } catch {
    return "no-directory"
  }
}
