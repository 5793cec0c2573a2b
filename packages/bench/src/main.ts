/** `npm run bench -- NAME…` runs the named benchmarks, or all of them without a name. */
import { readdirSync } from "node:fs"

const names = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith(".ts") && file !== "main.ts" && file !== "measure.ts")
  .map((file) => file.slice(0, -3))
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !names.includes(name))
if (unknown.length > 0) {
  process.stderr.write(`unknown benchmark: ${unknown.join(", ")}; choose from ${names.join(", ")}\n`)
  process.exitCode = 2
} else {
  for (const name of wanted.length > 0 ? wanted : names) {
    process.stderr.write(`bench ${name} …\n`)
    const { run } = (await import(`./${name}.ts`)) as { readonly run: () => Promise<void> }
    await run()
  }
}
