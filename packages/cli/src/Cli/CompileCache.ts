/**
 * Where Node keeps what it has compiled of this program, so that the next start is quicker: a private directory, because what lies there is
 * run. One version's at a time; where it cannot be had, starts are a little slower.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { enableCompileCache } from "node:module"
import { isAbsolute, join } from "node:path"

export const useCompileCache = (version: string): void => {
  const cache = cacheDirectory()
  if (cache === undefined) return
  const all = join(cache, "signalbox", "compiled")
  const own = join(all, version)
  try {
    const made = mkdirSync(own, { recursive: true, mode: 0o700 })
    if (!isPrivate(own) || !isPrivate(all)) return
    // Others are of versions that are gone.
    if (made !== undefined) {
      for (const name of readdirSync(all))
        if (name !== version) rmSync(join(all, name), { recursive: true, force: true })
    }
    enableCompileCache(own)
  } catch {
    // No right, no room: nothing that this command is about.
  }
}

const cacheDirectory = (): string | undefined => {
  const { HOME = "", XDG_CACHE_HOME = "" } = process.env
  if (isAbsolute(XDG_CACHE_HOME)) return XDG_CACHE_HOME
  return isAbsolute(HOME) ? join(HOME, ".cache") : undefined
}

const isPrivate = (path: string): boolean => {
  const info = lstatSync(path)
  return info.isDirectory() && (info.mode & 0o022) === 0 && info.uid === process.getuid?.()
}
