/** A host within a process of others. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Console, Context, Effect } from "effect"
import { program } from "./embedded.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

const recorded = () => {
  const lines: Array<string> = []
  const record = (...words: ReadonlyArray<unknown>) => void lines.push(words.join(" "))
  return { lines, console: { ...globalThis.console, log: record, error: record } }
}

describe("Host.layer", () => {
  it.live("serves while its Scope is open, and the README shows how", () =>
    Effect.gen(function* () {
      const config = join(yield* temporaryDirectory, "config.json")
      const { console, lines } = recorded()
      const run = Effect.provideContext(program(config), Context.make(Console.Console, console))
      assert.include(yield* run, `"content":"Hello"`)
      assert.strictEqual(readFileSync(join(config, "..", "host.lock"), "utf8"), "")
      assert.match(lines.at(-1) ?? "", /^host\.stopping /)
      // The same process may start it again: nothing is left of the first.
      assert.include(yield* run, `"content":"Hello"`)

      const source = readFileSync(join(import.meta.dirname, "embedded.ts"), "utf8")
      const readme = readFileSync(join(import.meta.dirname, "..", "README.md"), "utf8")
      assert.include(readme, source.slice(source.indexOf("import")))
    }),
  )
})
