import { assert, it } from "@effect/vitest"
import * as AtomicFile from "@signalbox/core/AtomicFile"
import { FileLock } from "@signalbox/core/FileLock"
import * as Signalbox from "@signalbox/node/Signalbox"
import { Effect, FileSystem } from "effect"

it.live("removes what dead writers left of every file of a directory, and nothing of a writer that lives", () =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const { acquire } = yield* FileLock
    const directory = yield* fs.makeTempDirectoryScoped()
    const at = (name: string) => `${directory}/${name}`
    const swept = ["credentials.json", "admin.token", "config.json"].map((file) => `.${file}.0123456789.new`)
    const kept = [
      ".busy.json.0123456789.new",
      ".unlocked.json.0123456789.new",
      ".config.json.0123456789.abc.def.old",
      ".notes.new",
      "config.json",
    ]
    const locks = ["credentials.json", "admin.token", "config.json", "busy.json"].map((file) => `${file}.lock`)
    for (const name of [...swept, ...kept, ...locks]) yield* fs.writeFileString(at(name), "", { mode: 0o600 })
    yield* acquire(at("busy.json.lock"))
    yield* AtomicFile.sweepDirectory(directory)
    assert.sameMembers(yield* fs.readDirectory(directory), [...kept, ...locks])
  }).pipe(Effect.scoped, Effect.provide(Signalbox.layerPlatform)),
)
