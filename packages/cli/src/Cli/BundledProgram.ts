/**
 * The program behind the launcher as `dist/bundle` has it: its chunks, with the code that V8 made of them in an earlier run. Node's own
 * compile cache keeps what is compiled when a module is loaded; most of a start's code is compiled later, when a function is first called.
 * This keeps that too, which takes a third off the start of a host.
 */
import { statSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { cacheDirectory } from "./CacheDirectory.ts"
import { CodeCache } from "./CodeCache.ts"

/** Late enough for a host to have started, and for a first request. */
const STARTED_MILLIS = 3000

export const run = (version: string, args: ReadonlyArray<string>): void => {
  const directory = cacheDirectory(version)
  // What a host calls and what a small command calls: each reads its own. V8 refuses what another version of it has made.
  const name = `${args.includes("serve") ? "host" : "command"}-${process.version}-${process.arch}`
  const cache = new CodeCache(directory && join(directory, name))
  const cli = chunks(join(import.meta.dirname, "chunks"), cache)("./Cli.cjs") as typeof import("../Cli.ts")
  // A run that fails has not called what the next one will.
  process.once("exit", (code) => code === 0 && cache.save())
  setTimeout(() => cache.save(), STARTED_MILLIS).unref()
  cli.run(args)
}

/** A `require` for the chunks of a directory, and through Node's own for everything else. */
const chunks = (directory: string, cache: CodeCache): NodeJS.Require => {
  const loaded = new Map<string, { exports: unknown }>()
  const builtIn = createRequire(join(directory, "Cli.cjs"))
  const installed = identityOf(directory)
  const load = (id: string): unknown => {
    if (!id.startsWith("./")) return builtIn(id)
    const known = loaded.get(id)
    if (known !== undefined) return known.exports
    if (identityOf(directory) !== installed)
      throw new Error("Signalbox was updated or removed while it runs: start it again")
    const file = join(directory, basename(id))
    const module = { exports: {} }
    loaded.set(id, module)
    try {
      cache.function(file)(module.exports, load, module, file, dirname(file))
    } catch (error) {
      loaded.delete(id)
      throw error
    }
    return module.exports
  }
  return load as NodeJS.Require
}

/** Of what is installed: a chunk of another version, loaded late, would not fit the ones that run. */
const identityOf = (directory: string): string => {
  const info = statSync(join(directory, "Cli.cjs"), { throwIfNoEntry: false })
  return info === undefined ? "" : `${info.dev}:${info.ino}:${info.mtimeMs}`
}
