import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"

const src = join(import.meta.dirname, "../src")
/** Modules for the others here, not for hosts. */
const internal = ["JsonPointer.ts", "NearNames.ts", "OpaqueSpan.ts", "Utf8.ts", "index.ts"]

it("the index of core knows every module that is for hosts", () => {
  const index = readFileSync(join(src, "index.ts"), "utf8")
  const modules = readdirSync(src).filter((file) => file.endsWith(".ts") && !internal.includes(file))
  assert.deepStrictEqual(
    modules.filter((file) => !index.includes(`from "./${file}"`)),
    [],
  )
})
