/**
 * Makes the command of `dist/bundle`: minified, in chunks that run when they are asked for, so that `signalbox models` does not set up what only
 * a host needs. koffi stays outside: it is optional, and brings a binary.
 *
 *     node --conditions=@signalbox/source packages/cli/bundle.ts [DIRECTORY]
 */
import { chmodSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type InputOptions, type OutputChunk, rolldown } from "rolldown"

/** Intl.Segmenter is made when effect/cli is loaded, and costs a third of a start of node; most commands never ask it. */
const lazySegmenter = {
  name: "lazy-segmenter",
  transform: {
    filter: { id: /effect[\\/]dist[\\/]cli[\\/]CliOutput\.js$/ },
    handler: (code: string): string => {
      const eager = /new Intl\.Segmenter\(undefined, (\{[^}]*\})\)/
      if (!eager.test(code))
        throw new Error("effect/cli/CliOutput has changed: look whether it still makes a Segmenter when it is loaded")
      return code.replace(
        eager,
        "{ segment(text) { return (this.made ??= new Intl.Segmenter(undefined, $1)).segment(text) } }",
      )
    },
  },
}

/** The launcher runs the chunks beside it, with what an earlier run has compiled of them. */
const bundledProgram = {
  name: "bundled-program",
  resolveId: {
    filter: { id: /^\.\/internal\/Program\.ts$/ },
    handler: () => join(import.meta.dirname, "src", "internal", "BundledProgram.ts"),
  },
}

const common = {
  platform: "node",
  // effect asks a bundler's `import.meta` for an environment, which CommonJS does not have.
  transform: { define: { "import.meta.env": "undefined" } },
  resolve: {
    conditionNames: ["@signalbox/source", "node", "import", "default"],
    // jsonc-parser has a module beside its UMD text, which cannot be bundled.
    mainFields: ["module", "main"],
  },
} satisfies InputOptions

const chunksOf = async (input: InputOptions): Promise<ReadonlyArray<OutputChunk>> => {
  const build = await rolldown({ ...common, ...input })
  const { output } = await build.generate({
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    strict: true,
    // A single letter beyond Latin-1 doubles the memory that a text takes.
    charset: "ascii",
    minify: true,
  })
  await build.close()
  return output.filter((file) => file.type === "chunk")
}

/** What a start does not need: the admin API, which a host loads later, and libraries of the size of megabytes. */
const apart = ["AdminApp.cjs", "httpApiScalar.cjs", "undici.cjs"]

/** The chunks in few files, because to open one takes longer than to read it: each holds an object of functions as CommonJS makes one of a module. */
const filesOf = (chunks: ReadonlyArray<OutputChunk>): ReadonlyArray<readonly [name: string, text: string]> => {
  const missing = apart.filter((name) => !chunks.some(({ fileName }) => fileName === name))
  if (missing.length > 0)
    throw new Error(`there is no chunk ${missing.join(", ")} any more: say anew what stands apart`)
  return [
    ["program.cjs", packed(chunks.filter(({ fileName }) => !apart.includes(fileName)))],
    ...chunks
      .filter(({ fileName }) => apart.includes(fileName))
      .map((chunk) => [chunk.fileName, packed([chunk])] as const),
  ]
}

const packed = (chunks: ReadonlyArray<OutputChunk>): string =>
  `({${chunks.map(({ code, fileName }) => `${JSON.stringify(fileName)}(exports,require,module,__filename,__dirname){${code}}`).join(",\n")}})\n`

/** Puts it into `directory`, in place of what is there. */
export const bundle = async (directory: string): Promise<void> => {
  const source = (name: string) => join(import.meta.dirname, "src", name)
  const launcher = await chunksOf({ input: { signalbox: source("main.ts") }, plugins: [bundledProgram] })
  const program = await chunksOf({
    input: { Start: source("internal/Start.ts") },
    external: ["koffi"],
    plugins: [lazySegmenter],
  })
  const chunks = join(directory, "chunks")
  rmSync(directory, { recursive: true, force: true })
  mkdirSync(chunks, { recursive: true })
  for (const { code, fileName } of launcher) writeFileSync(join(directory, fileName), code)
  for (const [name, text] of filesOf(program)) writeFileSync(join(chunks, name), text)
  chmodSync(join(directory, "signalbox.cjs"), 0o755)
}

if (import.meta.main) await bundle(process.argv[2] ?? join(import.meta.dirname, "dist", "bundle"))
