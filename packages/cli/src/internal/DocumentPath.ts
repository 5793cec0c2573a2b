/**
 * Which document a command is about: `--config`, else `SIGNALBOX_CONFIG`, else the default place of core's `dataDirectory`. Pure and without
 * effect, because the status line uses it and must start in an instant.
 */
import { isAbsolute, join, resolve } from "node:path"

export type Which =
  | {
      readonly path: string
      /** Somebody named it; else it is at the default place, whose directory belongs to Signalbox. */
      readonly named: boolean
    }
  /** It is named by a relative path, and the working directory was removed. */
  | "no-directory"
  /** Neither XDG_DATA_HOME nor HOME says where. */
  | undefined

export const whichDocument = (flag: string | undefined, environment: NodeJS.ProcessEnv): Which => {
  const named = flag ?? environment["SIGNALBOX_CONFIG"]
  if (named !== undefined && named !== "") return absolute(named)
  const data = environment["XDG_DATA_HOME"] ?? ""
  // The specification: a path that is not absolute is to be ignored.
  if (isAbsolute(data)) return { path: join(data, "signalbox", "config.json"), named: false }
  const home = environment["HOME"] ?? ""
  return isAbsolute(home)
    ? { path: join(home, ".local", "share", "signalbox", "config.json"), named: false }
    : undefined
}

const absolute = (named: string): Which => {
  try {
    return { path: resolve(named), named: true }
  } catch {
    return "no-directory"
  }
}
