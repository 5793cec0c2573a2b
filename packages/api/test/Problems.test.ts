import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Problems from "@signalbox/api/Problems"

const extra: Readonly<Record<string, object>> = {
  Rejected: { problems: [] },
  Stale: { expected: "", actual: "" },
  Unconfirmed: { path: "" },
  Unavailable: { code: "", path: "" },
  StorageFull: { code: "", path: "" },
  TooLarge: { maxBytes: 1 },
  MethodNotAllowed: { allowed: [] },
}

const all = Object.entries(Problems).flatMap(([name, value]: readonly [string, any]) =>
  typeof value === "function" ? [new value({ detail: "", ...extra[name] })] : [],
)

it("gives each problem a type of its own", () => {
  const types = all.map(({ type }) => type)
  assert.strictEqual(new Set(types).size, all.length)
  for (const type of types) assert.match(type, /^urn:signalbox:problem:[a-z-]+$/)
})

it("lists every problem with its status in the README", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8")
  for (const { status, type } of all) {
    assert.include(readme, `| \`${type.slice("urn:signalbox:problem:".length)}\` | ${status} |`)
  }
})
