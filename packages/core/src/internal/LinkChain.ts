/** Where a path leads through its symbolic links, and which directories one must watch to hear when it leads elsewhere. */
import { Effect } from "effect"
import { SourceUnavailable } from "../ConfigError.ts"
import { codeOf, type Site, unavailable } from "./Site.ts"

export interface LinkChain {
  /** Where the document stands, or would stand. */
  readonly real: string
  /** The directories of the document and of every link on the way; of a missing one the nearest that is there. */
  readonly directories: ReadonlySet<string>
}

/** As path_resolution(7): at most 40 links. */
const MAX_LINKS = 40

export const followLinks = Effect.fnUntraced(function* ({
  fs,
  name,
  path,
}: Site): Effect.fn.Return<LinkChain, SourceUnavailable> {
  const { root } = path.parse(name)
  const directories = new Set<string>()
  const names = split(path, name.slice(root.length))
  let here = root
  let links = 0
  while (true) {
    const part = names.shift()
    if (part === undefined) return { real: here, directories: directories.add(path.dirname(here)) }
    if (part === "..") {
      here = path.dirname(here)
      continue
    }
    const next = path.join(here, part)
    const info = yield* Effect.catch(fs.lstat(next), (error) =>
      codeOf(error) === "ENOENT" ? Effect.undefined : Effect.fail(unavailable(name)(error)),
    )
    if (info === undefined) return { real: path.join(next, ...names), directories: directories.add(here) }
    if (info.type !== "SymbolicLink") {
      here = next
      continue
    }
    if (++links > MAX_LINKS) {
      const detail = `more than ${MAX_LINKS} symbolic links, the last at ${next}`
      return yield* Effect.fail(new SourceUnavailable({ path: name, code: "ELOOP", detail }))
    }
    directories.add(here)
    const target = yield* Effect.mapError(fs.readLink(next), unavailable(name))
    if (path.isAbsolute(target)) here = path.parse(target).root
    names.unshift(...split(path, target))
  }
})

const split = (path: Site["path"], text: string): Array<string> =>
  text.split(path.sep).filter((part) => part !== "" && part !== ".")
