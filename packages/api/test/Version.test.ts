import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { version } from "@signalbox/api"

it("is the version of every package that is published", () => {
  const packages = join(import.meta.dirname, "../..")
  for (const name of readdirSync(packages)) {
    const manifest = JSON.parse(readFileSync(join(packages, name, "package.json"), "utf8"))
    assert.strictEqual(manifest.version, version, name)
  }
})
