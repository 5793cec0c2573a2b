import { closeSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import { libc } from "@signalbox/node/Libc"
import { pidNamespace } from "@signalbox/node/LockHolder"
import { readHostNote } from "@signalbox/server/HostNote"
import { Effect } from "effect"
import { clearHostNote, writeHostNote } from "../src/internal/HostNoteFile.ts"
import { temporaryDirectory } from "./processes/HostProcess.ts"

const note = {
  ownPid: process.pid,
  document: "config.json",
  url: "http://127.0.0.1:4747",
  version: "0.1.0",
  startedAt: "2026-01-31T12:00:00.000Z",
}

const here = pidNamespace() === undefined ? {} : { pidNamespace: pidNamespace()! }

/** A lock file that this process holds. */
const lockWith = Effect.fnUntraced(function* (text: string) {
  const lock = join(yield* temporaryDirectory, "host.lock")
  writeFileSync(lock, text)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      const fd = openSync(lock, "r+")
      const library = libc()
      if ("missing" in library) throw new Error(library.missing)
      assert.strictEqual(library.flock(fd, 2), 0)
      return fd
    }),
    (fd) => Effect.sync(() => closeSync(fd)),
  )
  return lock
})

it.live("reads back the note that replaced an older one, and nothing after the note is cleared", () =>
  Effect.gen(function* () {
    const lock = yield* lockWith(`${JSON.stringify({ ...note, url: `http://${"a".repeat(100)}` })}\nand more`)
    const { ownPid, ...rest } = note
    writeHostNote(lock, { ...note, ...here })
    assert.deepStrictEqual(readHostNote(lock), { pid: ownPid, ...note })
    assert.strictEqual(readFileSync(lock, "utf8"), `${JSON.stringify({ pid: ownPid, ...rest, ...here })}\n`)
    clearHostNote(lock)
    assert.strictEqual(readFileSync(lock, "utf8"), "")
    assert.isUndefined(readHostNote(lock))
  }),
)

it.live("returns the note of a host in another PID namespace or of another boot without a pid", () =>
  Effect.gen(function* () {
    const lock = yield* lockWith("")
    for (const elsewhere of [{ pidNamespace: "another-boot:4026531836" }, {}]) {
      writeHostNote(lock, { ...note, ...elsewhere, hostname: "web-1" })
      const isHere = pidNamespace() === undefined && !("pidNamespace" in elsewhere)
      assert.deepStrictEqual(readHostNote(lock), {
        ...(isHere ? { pid: process.pid } : {}),
        ...note,
        hostname: "web-1",
      })
    }
  }),
)

it.live("returns no note of a process that lives and holds no lock", () =>
  Effect.gen(function* () {
    const lock = join(yield* temporaryDirectory, "host.lock")
    writeFileSync(lock, "")
    writeHostNote(lock, { ...note, ...here })
    assert.isUndefined(readHostNote(lock))
  }),
)

it.live("returns no note for other text, invalid fields and unreadable files", () =>
  Effect.gen(function* () {
    const { ownPid: pid, ...rest } = note
    const invalid: ReadonlyArray<string> = [
      "",
      "\n",
      "held by pid 1, started 2026-01-31T12:00:00.000Z\n",
      "null\n",
      "[]\n",
      JSON.stringify({ pid, ...rest }),
      ...[
        { pid: 0 },
        { pid: -1 },
        { pid: "1" },
        { pid: 2 ** 31 },
        { url: "https://example.org/path" },
        { url: "http://127.0.0.1:1\u001b[2J" },
        { url: `http://${"a".repeat(200)}` },
        { version: "\u0007" },
        { document: "" },
        { document: "../config.json" },
        { startedAt: "yesterday" },
        { startedAt: undefined },
      ].map((part) => `${JSON.stringify({ pid, ...rest, ...part })}\n`),
      `${" ".repeat(5_000)}${JSON.stringify({ pid, ...rest })}\n`,
    ]
    for (const text of invalid) assert.isUndefined(readHostNote(yield* lockWith(text)), text)
    assert.isUndefined(readHostNote(join(yield* temporaryDirectory, "none")))
    const directory = yield* temporaryDirectory
    assert.isUndefined(readHostNote(directory))
    symlinkSync(join(directory, "nothing"), join(directory, "link"))
    assert.isUndefined(readHostNote(join(directory, "link")))
  }),
)
