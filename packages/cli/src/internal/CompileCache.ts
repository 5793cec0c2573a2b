/**
 * Turns on Node's compile cache in `$XDG_CACHE_HOME/signalbox` (default `~/.cache/signalbox`), so that later starts skip most of the parsing.
 * Node executes what it finds there, so the directory must belong to this user and be writable by no one else; without such a directory nothing is
 * cached. Bound: one file for each file of the program and version of Node. `NODE_DISABLE_COMPILE_CACHE=1` turns it off.
 */
import { mkdirSync, statSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { isAbsolute, join } from "node:path"

export const useCompileCache = ({ HOME = "", XDG_CACHE_HOME = "" }: NodeJS.ProcessEnv): void => {
  const cache = isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(HOME, ".cache")
  if (!isAbsolute(cache)) return
  const directory = join(cache, "signalbox")
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (isOurs(directory, 0o022) && isOurs(cache, 0o002)) enableCompileCache(directory)
  } catch {
    // A read-only or full disk costs time only.
  }
}

const isOurs = (directory: string, othersWrite: number): boolean => {
  const { mode, uid } = statSync(directory)
  return uid === process.getuid?.() && (mode & othersWrite) === 0
}
