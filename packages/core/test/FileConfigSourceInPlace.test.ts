/** A document that is a mount point: its name cannot be replaced, and every exchange and rename fails with EBUSY. */
import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import { mountedFileProblem } from "@signalbox/core/MountedFile"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, Exit } from "effect"
import { content, file, find, foreign, litter, onDisk, started, write } from "./FileConfigSourceDisk.ts"

const old = `{ "text": "${"before ".repeat(40)}" }\n`
const texts = { shorter: `{ "text": "after" }\n`, longer: `{ "text": "${"after ".repeat(90)}" }\n` }

const seeded = started(ConfigSource.use((source) => source.seed(old)))
const history = started(
  ConfigSource.use(({ history }) =>
    Effect.flatMap(history.list, (entries) => Effect.forEach(entries, ({ hash }) => history.read(hash))),
  ),
)
const busy = Effect.flatMap(SimulatedDisk, (disk) => disk.inject({ at: find("exchange"), error: "EBUSY", times: 10 }))

describe("a document that is a mount point", () => {
  for (const [what, text] of Object.entries(texts)) {
    it.effect(`gets a ${what} text in place, after the history has the old one`, () =>
      Effect.gen(function* () {
        const { hash } = yield* seeded
        const inode = foreign((fs) => Effect.map(fs.stat(file), ({ ino }) => ino))
        const before = yield* inode
        yield* busy
        yield* started(write(text, hash))
        assert.strictEqual(yield* content, text)
        assert.deepStrictEqual(yield* inode, before)
        assert.deepStrictEqual(yield* litter, [])
        assert.include(JSON.stringify(yield* history), "before before")
      }).pipe(onDisk()),
    )

    it.effect(`has the old text or the ${what} one after a power cut at any operation and the next start`, () =>
      Effect.gen(function* () {
        for (let at = 1; at <= 90; at++) {
          yield* Effect.gen(function* () {
            const disk = yield* SimulatedDisk
            const { hash } = yield* seeded
            yield* busy
            yield* disk.inject({ at: (yield* disk.operations) + at, crash: "random" })
            const exit = yield* Effect.exit(started(write(text, hash)))
            yield* disk.calm
            yield* disk.crash("random")
            yield* disk.restart
            const found = yield* started(ConfigSource.use((source) => source.read))
            const allowed = Exit.isSuccess(exit) ? [text] : [old, text]
            if (!allowed.includes(found.text))
              return yield* Effect.die(new Error(`${found.text}\n${yield* disk.report}`))
            assert.deepStrictEqual(yield* litter, [])
          }).pipe(onDisk({ seed: at }))
        }
      }),
    )
  }

  it.effect("keeps an editor's text that was saved after a write was cut", () =>
    Effect.gen(function* () {
      const disk = yield* SimulatedDisk
      const { hash } = yield* seeded
      yield* busy
      yield* disk.inject({ at: ({ name, path }) => name === "write" && path === file, error: "EIO" })
      yield* Effect.flip(started(write(texts.longer, hash)))
      yield* disk.calm
      yield* foreign((fs) => fs.writeFileString(file, `{ "theirs": 1 }`))
      const { text } = yield* started(ConfigSource.use((source) => source.read))
      assert.strictEqual(text, `{ "theirs": 1 }`)
      assert.deepStrictEqual(yield* litter, [])
    }).pipe(onDisk()),
  )
})

it("finds a mounted file in the kernel's list, also a replaced one and one with a space", () => {
  const mounts = [
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw",
    "64 43 254:0 /srv/config.json /etc/config.json rw,relatime - ext4 /dev/vda rw",
    "65 43 254:0 /srv/x.json//deleted /etc/my\\040dir/config.json rw,relatime - ext4 /dev/vda rw",
  ].join("\n")
  assert.include(mountedFileProblem(mounts, "/etc/config.json"), "mounted as a single file")
  assert.include(mountedFileProblem(mounts, "/etc/my dir/config.json"), "is the old file")
  assert.isUndefined(mountedFileProblem(mounts, "/etc/other.json"))
})
