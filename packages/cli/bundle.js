/**
 * Makes the command of `dist/bundle`: minified, in chunks, so that `signalbox models` does not load what only a host needs. The names of
 * chunks do not change with what is in them: Node's compile cache replaces what it has under a name. koffi stays outside: it is optional, and
 * brings a binary.
 *
 *     node --conditions=@signalbox/source packages/cli/bundle.ts
 */
import { chmodSync, rmSync } from "node:fs"
import { join } from "node:path"
import { rolldown } from "rolldown"

/** Intl.Segmenter is made when effect/cli is loaded, and costs a third of a start of node; most commands never ask it. */
const lazySegmenter = {
  name: "lazy-segmenter",
  transform: {
    filter: { id: /effect[\\/]dist[\\/]cli[\\/]CliOutput\.js$/ },
    handler: (code) => {
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
/** Puts it into `directory`, in place of what is there. */
export const bundle = async (directory) => {
  rmSync(directory, { recursive: true, force: true })
  const build = await rolldown({
    input: { signalbox: join(import.meta.dirname, "src", "main.ts") },
    platform: "node",
    external: ["koffi"],
    resolve: {
      conditionNames: ["@signalbox/source", "node", "import", "default"],
      // jsonc-parser has a module beside its UMD text, which cannot be bundled.
      mainFields: ["module", "main"],
    },
    plugins: [lazySegmenter],
  })
  await build.write({
    dir: directory,
    format: "esm",
    minify: true,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
  })
  await build.close()
  chmodSync(join(directory, "signalbox.js"), 0o755)
}
if (import.meta.main) await bundle(join(import.meta.dirname, "dist", "bundle"))
//# sourceMappingURL=bundle.js.map
