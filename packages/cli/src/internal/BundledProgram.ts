/**
 * The program behind the launcher as `dist/bundle` has it: its chunks, with the code that V8 made of them in an earlier run. Node's own
 * compile cache keeps what is compiled when a module is loaded; most of a start's code is compiled later, when a function is first called.
 * This keeps that too, which takes a third off the start of a host.
 */
import { statSync } from "node:fs"
import { createRequire } from "node:module"
import { basename, join } from "node:path"
import { cacheDirectory } from "./CacheDirectory.ts"
import { CodeCache } from "./CodeCache.ts"

/** Late enough for a host to have started, and for a first request. */
const STARTED_MILLIS = 3000

export const run = (version: string, args: ReadonlyArray<string>): void => {
  const directory = cacheDirectory(version)
  // What a host calls and what a small command calls: each reads its own. V8 refuses what another version of it has made.
  const name = `${args.includes("serve") ? "host" : "command"}-${process.version}-${process.arch}`
  const cache = new CodeCache(directory && join(directory, name))
  const start = chunks(join(import.meta.dirname, "chunks"), cache)("./Start.cjs") as typeof import("./Start.ts")
  // A run that fails has not called what the next one will.
  process.once("exit", (code) => code === 0 && cache.save())
  setTimeout(() => cache.save(), STARTED_MILLIS).unref()
  start.run(args)
}

/** A module as CommonJS makes a function of it. */
type ModuleFunction = (
  exports: unknown,
  require: (id: string) => unknown,
  module: { readonly exports: unknown },
  filename: string,
  dirname: string,
) => void

/** A `require` for the chunks of a directory, and through Node's own for everything else. */
const chunks = (directory: string, cache: CodeCache): NodeJS.Require => {
  const program = join(directory, "program.cjs")
  const builtIn = createRequire(program)
  const functionsOf = (file: string) => cache.evaluate(file) as Readonly<Record<string, ModuleFunction | undefined>>
  const usual = functionsOf(program)
  const installed = identityOf(program)
  const seldom = (file: string): ModuleFunction | undefined => {
    // A part of another version would not fit the ones that run.
    if (identityOf(program) !== installed)
      throw new Error("Signalbox was updated or removed while it runs: start it again")
    return functionsOf(file)[basename(file)]
  }
  const loaded = new Map<string, { exports: unknown }>()
  const load = (id: string): unknown => {
    if (!id.startsWith("./")) return builtIn(id)
    const known = loaded.get(id)
    if (known !== undefined) return known.exports
    const file = join(directory, basename(id))
    const make = usual[basename(id)] ?? seldom(file)
    if (make === undefined) throw new Error(`${file} holds no such part: install Signalbox again`)
    const module = { exports: {} }
    loaded.set(id, module)
    try {
      make(module.exports, load, module, file, directory)
    } catch (error) {
      loaded.delete(id)
      throw error
    }
    return module.exports
  }
  return load as NodeJS.Require
}

const identityOf = (file: string): string => {
  const info = statSync(file, { throwIfNoEntry: false })
  return info === undefined ? "" : `${info.dev}:${info.ino}:${info.mtimeMs}`
}
