import { readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { NodeFileSystem } from "@effect/platform-node"
import { assert, it } from "@effect/vitest"
import { Effect, FileSystem } from "effect"
import { running } from "./running.ts"

it.live("returns the change summary for /reload>, and chats with the model now in force", () =>
  Effect.gen(function* () {
    const file = join(yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped(), "config.json")
    const program = join(import.meta.dirname, "../src/editor.ts")
    const editor = yield* running(process.execPath, ["--conditions=@signalbox/source", program, file])
    let id = 0
    const chat = (text: string) =>
      Effect.gen(function* () {
        editor.write(JSON.stringify({ jsonrpc: "2.0", id: ++id, method: "chat", params: { text } }))
        const response = JSON.parse(yield* editor.lineWith(`"id":${id}`))
        assert.strictEqual(response.jsonrpc, "2.0")
        return String(response.result)
      })
    const save = (text: string) => Effect.promise(() => writeFile(file, text))

    assert.strictEqual(yield* chat("hi"), "gpt-4.1: hi")
    assert.strictEqual(yield* chat("/reload>"), "Reloaded config (no changes detected).")

    // The host also follows the file. If the watch was faster than the request, the next edit shows what /reload> returns.
    const seeded = yield* Effect.promise(() => readFile(file, "utf8"))
    const edit = (tries: number): Effect.Effect<string> =>
      Effect.gen(function* () {
        yield* save(seeded.replace("gpt-4.1", `gpt-${tries}`))
        const summary = yield* chat("/reload>")
        return summary.includes("no changes") && tries < 30 ? yield* edit(tries + 1) : summary
      })
    assert.match(yield* edit(10), /^Reloaded config \(1 change\):\n- models\.chat: gpt-[\d.]+ → gpt-\d+$/)
    assert.match(yield* chat("hi"), /^gpt-\d\d: hi$/)

    yield* save('{ "models": { "chat": 1 } }')
    assert.include(yield* chat("/reload>"), `${file}:1:23`)
    assert.match(yield* chat("hi"), /^gpt-\d\d: hi$/)
    assert.strictEqual(editor.errors(), "")
  }).pipe(Effect.provide(NodeFileSystem.layer), Effect.scoped),
)
