import { assert, describe, it } from "@effect/vitest"
import { ConfigSource } from "@signalbox/core/ConfigSource"
import * as FileConfigSource from "@signalbox/core/FileConfigSource"
import { FileLock } from "@signalbox/core/FileLock"
import { SimulatedDisk } from "@signalbox/core/testing/SimulatedDisk"
import { Effect, Layer, Option, Path } from "effect"
import { Digest } from "effect/crypto"
import { makeRecentTexts } from "../src/internal/RecentTexts.ts"
import * as Utf8 from "../src/internal/Utf8.ts"

/** A "hash" that shows the bytes, and what was hashed. */
const counted = () => {
  const hashed: Array<string> = []
  const texts = makeRecentTexts((bytes) =>
    Effect.sync(() => {
      hashed.push(bytes.join())
      return bytes.join()
    }),
  )
  const read = (content: Uint8Array) => {
    const buffer = texts.buffer(content.length + 1)
    buffer.set(content)
    return Effect.map(texts.ofBytes(buffer.subarray(0, content.length)), Option.getOrUndefined)
  }
  return { ...texts, hashed, read }
}

const hashOf = (text: string) => Utf8.encode(text).join()

describe("RecentTexts", () => {
  it.effect("hashes a text once, whether it was read or written first", () =>
    Effect.gen(function* () {
      const { hashed, ofText, read } = counted()
      const written = yield* ofText("first")
      assert.strictEqual(yield* read(Utf8.encode("first")), written)
      const found = yield* read(Utf8.encode("second"))
      assert.deepInclude(found, { text: "second", hash: hashOf("second") })
      assert.strictEqual(yield* ofText("second"), found)
      assert.strictEqual(yield* read(Utf8.encode("first")), written)
      assert.deepStrictEqual(hashed, [hashOf("first"), hashOf("second")])
    }),
  )
  it.effect("distinguishes texts of any length that differ only in their last byte", () =>
    Effect.gen(function* () {
      for (let length = 1; length < 10; length++) {
        const { read } = counted()
        const texts = ["a", "b"].map((last) => "x".repeat(length - 1) + last)
        for (const text of [...texts, ...texts]) {
          assert.deepInclude(yield* read(Utf8.encode(text)), { text, hash: hashOf(text) })
        }
      }
    }),
  )
  it.effect("never reads into the bytes of a text that it remembers", () =>
    Effect.gen(function* () {
      const { read } = counted()
      for (const text of ["one", "one", "two", "two", "one", "six", "two"]) {
        assert.deepInclude(yield* read(Utf8.encode(text)), { text, bytes: Utf8.encode(text) })
      }
    }),
  )
  it.effect("ignores byte order marks, and returns half a surrogate pair only as it was decoded", () =>
    Effect.gen(function* () {
      const { bytesOf, ofText, read } = counted()
      const marked = Utf8.encode("\uFEFFtext")
      assert.deepInclude(yield* read(marked), { text: "text", hash: hashOf("text") })
      assert.deepInclude(yield* ofText("\uFEFF\uFEFFtext"), { text: "text", hash: hashOf("text") })
      assert.deepStrictEqual(Array.from(bytesOf("\uFEFFtext")), Array.from(Utf8.encode("text")))
      const { bytes } = yield* ofText("\uD800")
      assert.deepInclude(yield* read(bytes), { text: "\uFFFD" })
      assert.isUndefined(yield* read(Uint8Array.of(0xff)))
    }),
  )
  it.effect("lets a document's source hash the new text of a write once, although it reads three files", () =>
    Effect.gen(function* () {
      let hashes = 0
      const count = Effect.sync(() => hashes++)
      const digest = Layer.effect(
        Digest.Digest,
        Effect.map(Digest.Digest, (real) =>
          Digest.Digest.of({
            ...real,
            digestHex: (algorithm, data) => Effect.andThen(count, real.digestHex(algorithm, data)),
          }),
        ),
      ).pipe(Layer.provide(Digest.layerWebCrypto))
      const disk = yield* SimulatedDisk
      const source = FileConfigSource.layerAt("/home/signalbox/config.json").pipe(
        Layer.provide([Path.layer, digest, FileLock.layerMemory, disk.process]),
      )
      const change = Effect.gen(function* () {
        const { hash, history, read, seed, write } = yield* ConfigSource
        yield* seed("old")
        const before = yield* read
        assert.strictEqual(hashes, 1)
        const after = yield* hash("new")
        yield* write("new", before.hash)
        yield* history.keep("new", after)
        assert.deepStrictEqual(yield* read, { text: "new", hash: after })
        assert.strictEqual(hashes, 2)
      })
      yield* Effect.provide(change, source)
    }).pipe(Effect.provide(SimulatedDisk.layerWith())),
  )
})
