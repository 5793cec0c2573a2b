import { spawnSync } from "node:child_process"
import {
  chownSync,
  closeSync,
  constants,
  linkSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { distrustOf, foreignOwnerOf, openPrivate } from "@signalbox/node/PrivateFile"
import { Effect } from "effect"
import { temporaryDirectory } from "./programs/Program.ts"

const codeOf = (path: string, flags: number): unknown => {
  try {
    closeSync(openPrivate(path, flags))
    return "opened"
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error
  }
}

describe("openPrivate", () => {
  it.live("creates a file with mode 0600 and opens it again without changing it", () =>
    Effect.gen(function* () {
      const path = join(yield* temporaryDirectory, "file")
      assert.strictEqual(codeOf(path, constants.O_CREAT | constants.O_RDWR), "opened")
      assert.strictEqual(statSync(path).mode & 0o777, 0o600)
      writeFileSync(path, "text")
      assert.strictEqual(codeOf(path, constants.O_CREAT | constants.O_RDWR | constants.O_TRUNC), "opened")
      assert.strictEqual(readFileSync(path, "utf8"), "text")
      assert.strictEqual(codeOf(`${path}-missing`, constants.O_RDONLY), "ENOENT")
    }),
  )

  const planted: ReadonlyArray<
    readonly [string, (path: string, victim: string) => void, reading: string, writing: string]
  > = [
    ["a symbolic link", (path, victim) => symlinkSync(victim, path), "ELOOP", "ELOOP"],
    ["a symbolic link to nothing", (path) => symlinkSync("nothing", path), "ELOOP", "ELOOP"],
    ["a hard link", (path, victim) => linkSync(victim, path), "opened", "EMLINK"],
    ["a FIFO", (path) => void spawnSync("mkfifo", [path]), "EINVAL", "EINVAL"],
    ["a directory", (path) => mkdirSync(path), "EINVAL", "EISDIR"],
  ]
  for (const [what, plant, reading, writing] of planted) {
    it.live(`reads ${what} with ${reading}, writes it with ${writing}, and changes no file behind it`, () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const [path, victim] = [join(directory, "file"), join(directory, "victim")]
        writeFileSync(victim, "precious")
        plant(path, victim)
        assert.strictEqual(codeOf(path, constants.O_RDONLY), reading)
        assert.strictEqual(codeOf(path, constants.O_RDWR), writing)
        assert.strictEqual(codeOf(path, constants.O_CREAT | constants.O_WRONLY | constants.O_TRUNC), writing)
        assert.strictEqual(readFileSync(victim, "utf8"), "precious")
        assert.include(distrustOf(path), `${path} is `)
      }),
    )
  }

  it.live.skipIf(process.geteuid?.() !== 0)(
    "refuses the file of another user, unless the directory is theirs too (needs root)",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const [path, link] = [join(directory, "file"), join(directory, "link")]
        writeFileSync(path, "text")
        symlinkSync("file", link)
        assert.isUndefined(foreignOwnerOf(link))
        chownSync(path, 12_345, 12_345)
        assert.strictEqual(codeOf(path, constants.O_RDONLY), "EPERM")
        assert.include(distrustOf(path), `${path} belongs to user 12345`)
        assert.include(foreignOwnerOf(link), "belongs to user 12345")
        chownSync(directory, 12_345, 12_345)
        assert.strictEqual(codeOf(path, constants.O_RDWR), "opened")
        assert.isUndefined(distrustOf(path))
        assert.isUndefined(foreignOwnerOf(link))
      }),
  )
})
