/** The program behind the launcher as a clone of the repository runs it: from its sources. `dist/bundle` has `BundledProgram` in its place. */
import { enableCompileCache } from "node:module"
import { cacheDirectory } from "./CacheDirectory.ts"

export const run = async (version: string, args: ReadonlyArray<string>): Promise<void> => {
  const directory = cacheDirectory(version)
  // Removing the types of a thousand modules takes a second.
  if (directory !== undefined) enableCompileCache(directory)
  const start = await import("./Start.ts")
  start.run(args)
}
