import { spawnSync } from "node:child_process"
import { readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { readHostNote } from "@signalbox/server/HostNote"
import { Effect } from "effect"
import { clearHostNote, writeHostNote } from "../src/internal/HostNoteFile.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

const note = {
  pid: process.pid,
  document: "config.json",
  url: "http://127.0.0.1:4747",
  version: "0.1.0",
  startedAt: "2026-01-31T12:00:00.000Z",
}

const lockWith = Effect.fnUntraced(function* (text: string) {
  const lock = join(yield* temporaryDirectory, "host.lock")
  writeFileSync(lock, text)
  return lock
})

it.live("reads back the note that replaced an older one, and nothing after the note is cleared", () =>
  Effect.gen(function* () {
    const lock = yield* lockWith(`${JSON.stringify({ ...note, url: `http://${"a".repeat(100)}` })}\nand more`)
    writeHostNote(lock, note)
    assert.deepStrictEqual(readHostNote(lock), note)
    assert.strictEqual(readFileSync(lock, "utf8"), `${JSON.stringify(note)}\n`)
    clearHostNote(lock)
    assert.strictEqual(readFileSync(lock, "utf8"), "")
    assert.isUndefined(readHostNote(lock))
  }),
)

it.live("returns no note for other text, invalid fields, dead processes and unreadable files", () =>
  Effect.gen(function* () {
    const { stdout } = spawnSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" })
    const invalid: ReadonlyArray<string> = [
      "",
      "\n",
      "held by pid 1, started 2026-01-31T12:00:00.000Z\n",
      "null\n",
      "[]\n",
      JSON.stringify(note),
      ...[
        { pid: 0 },
        { pid: -1 },
        { pid: "1" },
        { pid: 2 ** 31 },
        // A process that has ended.
        { pid: Number(stdout) },
        { url: "https://example.org/path" },
        { url: "http://127.0.0.1:1\u001b[2J" },
        { url: `http://${"a".repeat(200)}` },
        { version: "\u0007" },
        { document: "" },
        { document: "../config.json" },
        { startedAt: "yesterday" },
        { startedAt: undefined },
      ].map((part) => `${JSON.stringify({ ...note, ...part })}\n`),
      `${" ".repeat(5_000)}${JSON.stringify(note)}\n`,
    ]
    for (const text of invalid) assert.isUndefined(readHostNote(yield* lockWith(text)), text)
    assert.isUndefined(readHostNote(join(yield* temporaryDirectory, "none")))
    const directory = yield* temporaryDirectory
    assert.isUndefined(readHostNote(directory))
    symlinkSync(join(directory, "nothing"), join(directory, "link"))
    assert.isUndefined(readHostNote(join(directory, "link")))
  }),
)
