import { readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { running } from "./running.ts"

const source = join(import.meta.dirname, "../src/smallest.ts")

it.live("seeds the file, follows edits, refuses invalid ones with their position, and ends on Ctrl-C", () =>
  Effect.gen(function* () {
    const home = yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped()
    const file = join(home, "signalbox-hello/config.json")
    const host = yield* running(process.execPath, ["--conditions=@signalbox/source", source], {
      env: { ...process.env, XDG_DATA_HOME: home },
    })
    yield* host.lineWith(`Following ${file}`)
    yield* host.lineWith("config.seeded")
    const seeded = yield* Effect.promise(() => readFile(file, "utf8"))
    assert.strictEqual((yield* Effect.promise(() => stat(file))).mode & 0o777, 0o600)

    const save = (text: string) => Effect.promise(() => writeFile(file, text))
    yield* save(seeded.replace("gpt-4.1-mini", "gpt-5"))
    assert.include(yield* host.lineWith("config.changed"), 'paths=["/models/fast"]')
    yield* host.lineWith("Reloaded config (1 change")
    yield* host.lineWith("- models.fast: gpt-4.1-mini → gpt-5")
    assert.include(yield* host.lineWith("service.rebuilt"), "service=hello/Router")

    yield* save(seeded.replace('"fast": "gpt-4.1-mini"', '"fast": 5'))
    yield* host.lineWith("config.rejected")
    yield* host.lineWith(`${file}:3:23: `)

    // The refused edit has changed nothing: the next summary starts from the value before it.
    yield* save(seeded.replace("gpt-4.1-mini", "gpt-6"))
    yield* host.lineWith("- models.fast: gpt-5 → gpt-6")

    host.signal("SIGINT")
    assert.include([0, 130], yield* host.ended)
    assert.strictEqual(host.errors(), "")
  }).pipe(Effect.provide(NodeFileSystem.layer), Effect.scoped),
)

it("keeps the smallest host under 40 lines", async () => {
  const text = await readFile(source, "utf8")
  assert.isBelow(text.trimEnd().split("\n").length, 40)
})
