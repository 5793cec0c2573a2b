/**
 * Imports the modules that its arguments name, one after another, and prints a line of JSON for each: `{ path, failure? }`. The last line lists
 * services and functions without an example: `{ missing }`.
 */
import { writeSync } from "node:fs"
import { missingExamples } from "./ExampleCoverage.ts"

const report = (path: string, failure?: string) => writeSync(3, `${JSON.stringify({ path, failure })}\n`)

let current = ""
process.on("uncaughtException", (error) => {
  report(current, error.stack ?? String(error))
  process.exit(1)
})

for (const path of process.argv.slice(2)) {
  current = path
  try {
    await import(path)
    report(path)
  } catch (error) {
    report(path, error instanceof Error ? (error.stack ?? error.message) : String(error))
  }
}
writeSync(3, `${JSON.stringify({ missing: await missingExamples() })}\n`)
process.exit(0)
