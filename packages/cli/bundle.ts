/**
 * Builds the command into `dist/bundle`: one minified launcher, and chunks that it loads when they are needed, so that `signalbox models` does not
 * load the host. koffi stays outside, because it is optional and has a native part.
 *
 *     node --conditions=@signalbox/source packages/cli/bundle.ts [DIRECTORY]
 */
import { chmodSync, rmSync } from "node:fs"
import { join } from "node:path"
import { rolldown } from "rolldown"

/** Writes the bundle to `directory` and replaces what it holds. */
export const bundle = async (directory: string): Promise<void> => {
  const source = (name: string) => join(import.meta.dirname, "src", name)
  rmSync(directory, { recursive: true, force: true })
  const build = await rolldown({
    input: { signalbox: source("main.ts") },
    external: ["koffi"],
    platform: "node",
    transform: {
      // effect reads environment variables of bundlers from `import.meta.env`, which CommonJS does not have.
      define: { "import.meta.env": "undefined" },
      inject: { "Intl.Segmenter": [source("internal/LazySegmenter.ts"), "LazySegmenter"] },
    },
    resolve: {
      conditionNames: ["@signalbox/source", "node", "import", "default"],
      // The UMD build of jsonc-parser cannot be bundled.
      mainFields: ["module", "main"],
    },
  })
  await build.write({
    dir: directory,
    // Node starts CommonJS modules sooner than ES modules.
    format: "cjs",
    entryFileNames: "[name].cjs",
    // The hash keeps a running host from loading a chunk of a newer version.
    chunkFileNames: "chunks/[name]-[hash].cjs",
    minify: true,
  })
  await build.close()
  chmodSync(join(directory, "signalbox.cjs"), 0o755)
}

if (import.meta.main) await bundle(process.argv[2] ?? join(import.meta.dirname, "dist", "bundle"))
