/**
 * Finds the examples of the documentation: the fenced `ts` blocks in docstrings of public modules, in READMEs and in `packages/docs`.
 * `packages/docs/contributing.md` states the conventions.
 */
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"

export const root = join(import.meta.dirname, "../../..")

export interface ExampleBlock {
  /** The file that contains the block, relative to the repository. */
  readonly file: string
  /** The line of the opening fence, from 1. */
  readonly line: number
  /** The `**Example** (Title)` above the block, or the heading of a Markdown section. Empty if a docstring has none. */
  readonly title: string
  /** `run` by default, `no-run` for a block that is only type-checked, or `file=PATH` for a block that quotes a program of the repository. */
  readonly mode: string
  readonly code: string
  /** The declaration below the docstring: `pin`, `EventBus`. Undefined in Markdown. */
  readonly symbol: string | undefined
}

/** The sources of the modules that a package lists in `exports`, relative to the repository. */
export const publicModules = (): ReadonlyArray<string> =>
  globSync("packages/*/package.json", { cwd: root })
    .toSorted()
    .flatMap((manifest) => {
      const { exports = {} } = JSON.parse(readFileSync(join(root, manifest), "utf8"))
      return Object.values<string | Record<string, string>>(exports).flatMap((entry) => {
        const source = typeof entry === "string" ? undefined : entry["@signalbox/source"]
        const path = source === undefined ? "" : join(manifest, "..", source)
        return path.endsWith(".ts") && existsSync(join(root, path)) ? [path] : []
      })
    })

export const markdownFiles = (): ReadonlyArray<string> =>
  ["README.md", ".github/*.md", "packages/*/README.md", "packages/docs/**/*.md"]
    .flatMap((pattern) => globSync(pattern, { cwd: root }))
    .toSorted()

export const exampleBlocks = (): ReadonlyArray<ExampleBlock> => [
  ...publicModules().flatMap((file) => inDocstrings(file, linesOf(file))),
  ...markdownFiles().flatMap((file) => inMarkdown(file, linesOf(file))),
]

const linesOf = (file: string) => readFileSync(join(root, file), "utf8").split("\n")

const fence = /^```ts(?:\s+(\S+))?\s*$/

/** Reads the lines from `start`, which follow an opening fence, up to the closing fence. */
const body = (lines: ReadonlyArray<string>, start: number) => {
  const end = lines.findIndex((line, index) => index >= start && line.trimEnd() === "```")
  return `${lines.slice(start, end === -1 ? lines.length : end).join("\n")}\n`
}

const inMarkdown = (file: string, lines: ReadonlyArray<string>) => {
  const found: Array<ExampleBlock> = []
  let title = ""
  for (const [index, line] of lines.entries()) {
    title = /^#+ (.*)$/.exec(line)?.[1] ?? title
    const opening = fence.exec(line)
    if (opening === null) continue
    const code = body(lines, index + 1)
    found.push({ file, line: index + 1, title, mode: opening[1] ?? "run", code, symbol: undefined })
  }
  return found
}

const inDocstrings = (file: string, lines: ReadonlyArray<string>) => {
  const found: Array<ExampleBlock> = []
  // A line outside docstrings becomes empty, so that the positions stay.
  let inside = false
  const text = lines.map((line) => {
    if (!inside && !/^\s*\/\*\*/.test(line)) return undefined
    inside = !line.includes("*/")
    return line.replace(/^\s*(?:\/\*\*|\*\/|\*) ?/, "")
  })
  let title = ""
  for (const [index, line] of text.entries()) {
    if (line === undefined) title = ""
    title = /^\*\*Example\*\* \((.*)\)\s*$/.exec(line ?? "")?.[1] ?? title
    const opening = fence.exec(line ?? "")
    if (opening === null) continue
    const code = body(
      text.map((line) => line ?? "```"),
      index + 1,
    )
    const below = lines[text.findIndex((line, at) => at > index && line === undefined)] ?? ""
    const symbol = /^\s*(?:(?:export|declare|abstract|static|readonly|const|class|function|interface|type)\s+)*(\w+)/
    found.push({ file, line: index + 1, title, mode: opening[1] ?? "run", code, symbol: symbol.exec(below)?.[1] })
  }
  return found
}
