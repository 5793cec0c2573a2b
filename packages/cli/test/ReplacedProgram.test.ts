/** A program that an update replaces while it runs, and doctor under another name of the document. */
import { chmodSync, cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { home, program, runProgram, started } from "./Command.ts"

const sentence = "a part of this program is gone: it was replaced or removed while it ran"

describe("a replaced program", () => {
  it.live("reports the missing part in a sentence, in the command and in the running host", () =>
    Effect.gen(function* () {
      const at = yield* home
      // Beneath the package, where koffi is found.
      const copy = join(dirname(dirname(program)), "replaced")
      yield* Effect.addFinalizer(() => Effect.sync(() => rmSync(copy, { recursive: true, force: true })))
      cpSync(dirname(program), copy, { recursive: true })
      const copied = join(copy, "signalbox.cjs")
      const host = yield* started(process.execPath, [copied, "serve", "--port", "0"], at.env)
      yield* host.lineWith("listens on")
      // The host loads its admin API when it is asked first.
      assert.isTrue((yield* at.json(["status"])).ready)
      rmSync(join(copy, "chunks"), { recursive: true })
      const models = yield* runProgram(process.execPath, [copied, "models"], at.env)
      assert.deepStrictEqual([models.code, models.stdout], [1, ""])
      assert.include(models.stderr, `signalbox: ${sentence}`)
      const add = yield* at.run(["providers", "add", "openai"])
      assert.strictEqual(add.code, 1, add.stdout)
      assert.include(add.stderr, sentence)
      for (const output of [models.stderr, add.stderr, host.stderr()])
        assert.notMatch(output, /Cannot find module|Require stack/)
    }),
  )
})

describe("doctor", () => {
  it.live("reports each warning once, whatever name leads to the document", () =>
    Effect.gen(function* () {
      const at = yield* home
      yield* at.json(["config", "set", "featuers.auth", "true"])
      yield* at.host()
      chmodSync(at.config, 0o644)
      writeFileSync(at.config, readFileSync(at.config))
      yield* at.json(["reload"])
      symlinkSync(dirname(at.config), join(at.directory, "alias"))
      for (const config of [at.config, join(at.directory, "alias", "config.json")]) {
        const { stdout } = yield* at.run(["doctor", "--config", config])
        assert.strictEqual(stdout.split("featuers").length, 3, stdout)
        assert.strictEqual(stdout.split("others can read").length, 2, stdout)
      }
    }),
  )
})
