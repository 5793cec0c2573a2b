/** Follows the symbolic links of a path, and lists the directories that must be watched to notice that it leads elsewhere. */
import { Effect } from "effect"
import { SourceUnavailable } from "../ConfigError.ts"
import { type ManagedFile, orMissing, unavailable } from "./ManagedFile.ts"

export interface LinkChain {
  /** The path of the document itself, whether or not it exists. */
  readonly real: string
  /** The directories of the document and of every link on the way. For a missing one, the nearest that exists. */
  readonly directories: ReadonlySet<string>
}

/** As path_resolution(7): at most 40 links. */
const maxLinks = 40

export const followLinks = Effect.fnUntraced(function* ({
  fs,
  name,
  path,
}: ManagedFile): Effect.fn.Return<LinkChain, SourceUnavailable> {
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
    const info = yield* orMissing(name, undefined)(fs.lstat(next))
    if (info === undefined) return { real: path.join(next, ...names), directories: directories.add(here) }
    if (info.type !== "SymbolicLink") {
      here = next
      continue
    }
    if (++links > maxLinks) {
      const detail = `more than ${maxLinks} symbolic links, the last at ${next}`
      return yield* Effect.fail(new SourceUnavailable({ path: name, code: "ELOOP", detail }))
    }
    directories.add(here)
    const target = yield* Effect.mapError(fs.readLink(next), unavailable(name))
    if (path.isAbsolute(target)) here = path.parse(target).root
    names.unshift(...split(path, target))
  }
})

const split = (path: ManagedFile["path"], text: string): Array<string> =>
  text.split(path.sep).filter((part) => part !== "" && part !== ".")
