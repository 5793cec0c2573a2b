/**
 * Where what is compiled of this program is kept, so that the next start is quicker: a private directory, because what lies there is run. One
 * version's at a time.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { isAbsolute, join } from "node:path"

/** Makes it; `undefined` where it cannot be had, is not wanted (NODE_DISABLE_COMPILE_CACHE), or others may write to it. */
export const cacheDirectory = (version: string): string | undefined => {
  const cache = userCache()
  if (cache === undefined || process.env["NODE_DISABLE_COMPILE_CACHE"] !== undefined) return undefined
  const all = join(cache, "signalbox", "compiled")
  const own = join(all, version)
  try {
    const made = mkdirSync(own, { recursive: true, mode: 0o700 })
    if (!isPrivate(own) || !isPrivate(all)) return undefined
    // Others are of versions that are gone.
    if (made !== undefined) {
      for (const name of readdirSync(all))
        if (name !== version) rmSync(join(all, name), { recursive: true, force: true })
    }
    return own
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

const isPrivate = (path: string): boolean => {
  const info = lstatSync(path)
  return info.isDirectory() && (info.mode & 0o022) === 0 && info.uid === process.getuid?.()
}
