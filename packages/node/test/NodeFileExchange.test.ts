import { existsSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { FileExchange } from "@signalbox/core/FileExchange"
import * as NodeFileExchange from "@signalbox/node/NodeFileExchange"
import { Effect } from "effect"

const directory = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-exchange-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true })),
)

const swap = Effect.fnUntraced(function* (a: string, b: string) {
  const exchange = yield* FileExchange
  if (exchange === undefined) return yield* Effect.die("koffi is installed here: there must be a swap")
  return yield* exchange(a, b)
})

describe("FileExchange without a platform", () => {
  it.effect("is undefined without a platform", () =>
    Effect.gen(function* () {
      assert.isUndefined(yield* FileExchange)
    }),
  )
})

describe("NodeFileExchange", () => {
  it.layer(NodeFileExchange.layer)((it) => {
    it.effect("swaps two files: each name has the other's inode and text", () =>
      Effect.gen(function* () {
        const root = yield* directory
        const [a, b] = [join(root, "ä a"), join(root, "b")]
        writeFileSync(a, "first")
        writeFileSync(b, "second")
        const before = [statSync(a).ino, statSync(b).ino]
        yield* swap(a, b)
        assert.deepStrictEqual([readFileSync(a, "utf8"), readFileSync(b, "utf8")], ["second", "first"])
        assert.deepStrictEqual([statSync(b).ino, statSync(a).ino], before)
      }),
    )

    it.effect("swaps a symbolic link itself and leaves its target alone", () =>
      Effect.gen(function* () {
        const root = yield* directory
        const [target, link, file] = [join(root, "target"), join(root, "link"), join(root, "file")]
        writeFileSync(target, "target")
        writeFileSync(file, "file")
        symlinkSync("target", link)
        yield* swap(link, file)
        assert.strictEqual(readlinkSync(file), "target")
        assert.strictEqual(readFileSync(link, "utf8"), "file")
        assert.strictEqual(readFileSync(target, "utf8"), "target")
      }),
    )

    it.effect("fails with NotFound for a missing name and creates nothing", () =>
      Effect.gen(function* () {
        const root = yield* directory
        const [a, b] = [join(root, "a"), join(root, "missing")]
        writeFileSync(a, "first")
        const error = yield* Effect.flip(swap(a, b))
        assert.strictEqual(error._tag, "PlatformError")
        assert.strictEqual(error._tag === "PlatformError" && error.reason._tag, "NotFound")
        assert.include(error.message, b)
        assert.strictEqual(readFileSync(a, "utf8"), "first")
        assert.isFalse(existsSync(b))
      }),
    )

    it.effect("fails with ExchangeUnsupported on a file system without exchange", () =>
      Effect.gen(function* () {
        // Every file system refuses to swap a directory with its own content (EINVAL).
        const root = yield* directory
        const inner = join(root, "inner")
        writeFileSync(inner, "kept")
        const error = yield* Effect.flip(swap(root, inner))
        assert.strictEqual(error._tag, "ExchangeUnsupported")
        assert.include(error.message, "EINVAL")
        assert.strictEqual(readFileSync(inner, "utf8"), "kept")
      }),
    )
  })
})
