import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { Effect, Option, Redacted } from "effect"
import { AdminHost, host, token } from "./AdminHost.ts"
import { program } from "./AdminReadme.ts"

it.live("the program of the API's README does what it says, and is the one that stands there", () =>
  Effect.gen(function* () {
    const { url } = yield* AdminHost
    assert.deepStrictEqual(yield* program(url, Redacted.make(token)), Option.some("config.changed"))
    const source = readFileSync(join(import.meta.dirname, "AdminReadme.ts"), "utf8")
    const readme = readFileSync(join(import.meta.dirname, "../../api/README.md"), "utf8")
    assert.include(readme, source.slice(source.indexOf("import")))
  }).pipe(Effect.provide(host)),
)
