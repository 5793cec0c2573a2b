import { globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { version } from "@signalbox/api"

it("matches the version of every package", () => {
  const packages = join(import.meta.dirname, "../..")
  for (const path of globSync("*/package.json", { cwd: packages })) {
    const manifest = JSON.parse(readFileSync(join(packages, path), "utf8"))
    assert.strictEqual(manifest.version, version, path)
  }
})
