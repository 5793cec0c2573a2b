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

const here = import.meta.dirname
const directory = process.argv[2] ?? join(here, "dist", "bundle")

rmSync(directory, { recursive: true, force: true })
const bundle = await rolldown({
  input: { signalbox: join(here, "src", "main.ts") },
  platform: "node",
  external: ["koffi"],
  resolve: { mainFields: ["module", "main"], conditionNames: ["@signalbox/source", "node", "import", "default"] },
  treeshake: true,
})
const { output } = await bundle.write({
  dir: directory,
  format: "esm",
  minify: true,
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name].js",
})
await bundle.close()
chmodSync(join(directory, "signalbox.js"), 0o755)
if (process.argv.includes("--sizes")) {
  for (const chunk of output) process.stdout.write(`${chunk.fileName}\t${"code" in chunk ? chunk.code.length : 0}\n`)
}
