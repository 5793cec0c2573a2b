/**
 * Makes the command of `dist/bundle`: minified, in chunks, so that `signalbox models` does not load what only a host needs. The names of
 * chunks do not change with what is in them: Node's compile cache replaces what it has under a name. koffi stays outside: it is optional, and
 * brings a binary.
 *
 *     node --conditions=@signalbox/source packages/cli/bundle.ts [DIRECTORY]
 */
import { chmodSync, rmSync } from "node:fs"
import { join } from "node:path"
import { type InputOptions, type OutputOptions, rolldown } from "rolldown"

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

/** The launcher loads the chunks beside it, with what an earlier run has compiled of them. */
const bundledProgram = {
  name: "bundled-program",
  resolveId: {
    filter: { id: /^\.\/Cli\/Program\.ts$/ },
    handler: () => join(import.meta.dirname, "src", "Cli", "BundledProgram.ts"),
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

const write = async (input: InputOptions, output: OutputOptions): Promise<void> => {
  const build = await rolldown({ ...common, ...input })
  await build.write({ ...output, format: "cjs", entryFileNames: "[name].cjs", strict: true, minify: true })
  await build.close()
}

/** Puts it into `directory`, in place of what is there. */
export const bundle = async (directory: string): Promise<void> => {
  const source = (name: string) => join(import.meta.dirname, "src", name)
  rmSync(directory, { recursive: true, force: true })
  await write(
    { input: { signalbox: source("main.ts") }, plugins: [bundledProgram] },
    { dir: directory, chunkFileNames: "[name].cjs" },
  )
  await write(
    { input: { Cli: source("Cli.ts") }, external: ["koffi"], plugins: [lazySegmenter] },
    { dir: join(directory, "chunks"), chunkFileNames: "[name].cjs" },
  )
  chmodSync(join(directory, "signalbox.cjs"), 0o755)
}

if (import.meta.main) await bundle(process.argv[2] ?? join(import.meta.dirname, "dist", "bundle"))
