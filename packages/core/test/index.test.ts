import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"

const src = join(import.meta.dirname, "../src")
const read = (file: string) => readFileSync(join(src, file), "utf8")
/** The declarations that a host author provides, yields or subscribes to. */
const forHosts = /\b(?:Context\.Service|Context\.Reference|Setting\.Service|Event\.Class)<|^export const layer\b/m

it("exports from the index each public module that declares a service, a setting, an event or a layer", () => {
  const index = read("index.ts")
  const modules = readdirSync(src).filter((file) => file.endsWith(".ts") && file !== "index.ts")
  const declaring = modules.filter((file) => forHosts.test(read(file)))
  assert.isAbove(declaring.length, 20)
  assert.deepStrictEqual(
    declaring.filter((file) => !index.includes(`from "./${file}"`)),
    [],
  )
})
