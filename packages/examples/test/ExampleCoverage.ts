/** Lists services and functions of the public modules that have no example in their docstring. */
import { basename, join } from "node:path"
import { Context } from "effect"
import { exampleBlocks, publicModules, root } from "./ExampleBlocks.ts"

/** Names like `EventBus` or `ServiceGraph.node`, as `Module.export`; a module's main export has the module's name alone. */
export const missingExamples = async (): Promise<ReadonlyArray<string>> => {
  const documented = new Set(exampleBlocks().flatMap(({ file, symbol }) => (symbol ? [nameOf(file, symbol)] : [])))
  const required = new Set(members)
  for (const file of publicModules().filter(isRelevant)) {
    for (const [name, value] of Object.entries(await import(join(root, file)))) {
      if (Context.isKey(value) || isPlainFunction(value)) required.add(nameOf(file, name))
    }
  }
  return [...required].filter((name) => !documented.has(name) && !isExempt(name)).toSorted()
}

const isRelevant = (file: string) => !/\/(?:testing\/.*|index|main)\.ts$/.test(file)

const nameOf = (file: string, symbol: string) => {
  const module = basename(file, ".ts")
  return symbol === module ? module : `${module}.${symbol}`
}

/** Classes of events, errors and schemas describe themselves. */
const isPlainFunction = (value: unknown) =>
  typeof value === "function" && !/^class\b/.test(String(value)) && !("ast" in value)

/** Members of services that host authors call. */
const members = ["ConfigStore.update"]

const isExempt = (_name: string) => false

if (process.argv[1] === import.meta.filename) for (const name of await missingExamples()) console.log(name)
