/**
 * Where what is compiled of this program is kept, so that the next start is quicker: private directories in a cache of the same user, because
 * what lies there is run. One for each version of the program.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs"
import { dirname, isAbsolute, join } from "node:path"

/** What other versions have left goes away when nobody has written to it for so long; they may take turns. */
const KEPT_MILLIS = 7 * 24 * 3600 * 1000

/** Makes it; `undefined` where it cannot be had, is not wanted (NODE_DISABLE_COMPILE_CACHE), or others may write to it. */
export const cacheDirectory = (version: string): string | undefined => {
  const cache = userCache()
  if (cache === undefined || process.env["NODE_DISABLE_COMPILE_CACHE"] !== undefined) return undefined
  try {
    // Somebody else's, as root finds with a user's HOME, is left alone.
    if (!isOurs(existsSync(cache) ? cache : dirname(cache))) return undefined
    const own = join(cache, "signalbox")
    const all = join(own, "compiled")
    const isNew = !existsSync(join(all, version))
    for (const directory of [cache, own, all, join(all, version)]) {
      mkdirSync(directory, { recursive: true, mode: 0o700 })
      if (directory !== cache && !isPrivate(directory)) return undefined
    }
    if (isNew) forgetOthers(all, version)
    return join(all, version)
  } catch {
    // No right, no room: nothing that this command is about.
    return undefined
  }
}

const userCache = (): string | undefined => {
  const { HOME = "", XDG_CACHE_HOME = "" } = process.env
  if (isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME
  return isAbsolute(HOME) ? join(HOME, ".cache") : undefined
}

const isOurs = (path: string): boolean => {
  const { mode, uid } = statSync(path)
  return uid === process.getuid?.() && (mode & 0o002) === 0
}

const isPrivate = (path: string): boolean => {
  const info = lstatSync(path)
  return info.isDirectory() && (info.mode & 0o022) === 0 && info.uid === process.getuid?.()
}

const forgetOthers = (all: string, version: string): void => {
  const since = Date.now() - KEPT_MILLIS
  for (const name of readdirSync(all)) {
    const other = join(all, name)
    if (name !== version && lstatSync(other).mtimeMs < since) rmSync(other, { recursive: true, force: true })
  }
}
