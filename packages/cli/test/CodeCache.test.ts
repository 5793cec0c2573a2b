/** What is kept of compiled code between runs: it may save time, and must change nothing else. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { CodeCache } from "../src/internal/CodeCache.ts"
import { home, program, runProgram } from "./Command.ts"

const scratch = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "signalbox-code-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true })),
)

/** Runs a file through a cache, and lets it keep what is new to it. */
const ran = (path: string | undefined, file: string): unknown => {
  const cache = new CodeCache(path)
  const answer = cache.evaluate(file) as () => unknown
  const answered = answer()
  cache.save()
  return answered
}

/** Changes whenever the file is written anew. */
const identity = (path: string): number => statSync(path).ino

const source = (answer: number) => `(() => [${answer}, 2, 3].join(" "))`

describe("CodeCache", () => {
  it.live("what one run has compiled the next one takes: it writes nothing anew", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const [cache, file] = [join(directory, "command"), join(directory, "a.cjs")]
      writeFileSync(file, source(1))
      assert.strictEqual(ran(cache, file), "1 2 3")
      const first = identity(cache)
      assert.strictEqual(ran(cache, file), "1 2 3")
      assert.strictEqual(identity(cache), first)
      assert.strictEqual(statSync(cache).mode & 0o777, 0o600)
      assert.deepStrictEqual(readdirSync(directory).sort(), ["a.cjs", "command"])
    }),
  )

  it.live("a function that was called is kept compiled, one that was not is not", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const file = join(directory, "a.cjs")
      writeFileSync(file, `({ f: () => { let x = Math.random(); return [x, ${"x + 1, ".repeat(500)} x] } })`)
      // In this order: V8 remembers within a process what it compiled.
      const [not, called] = ["not", "called"].map((name) => {
        const cache = new CodeCache(join(directory, name))
        const { f } = cache.evaluate(file) as { readonly f: () => unknown }
        if (name === "called") f()
        cache.save()
        return statSync(join(directory, name)).size
      })
      assert.isAbove(called ?? 0, (not ?? 0) + 1000)
    }),
  )

  it.live("another source of the same length is another program", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const [cache, file] = [join(directory, "command"), join(directory, "a.cjs")]
      writeFileSync(file, source(1))
      ran(cache, file)
      writeFileSync(file, source(7))
      assert.strictEqual(ran(cache, file), "7 2 3")
      assert.strictEqual(ran(cache, file), "7 2 3")
    }),
  )

  it.live("what one command adds does not take away what another has kept", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const [cache, a, b] = [join(directory, "command"), join(directory, "a.cjs"), join(directory, "b.cjs")]
      writeFileSync(a, source(1))
      writeFileSync(b, source(2))
      ran(cache, a)
      ran(cache, b)
      const both = identity(cache)
      ran(cache, a)
      ran(cache, b)
      assert.strictEqual(identity(cache), both)
    }),
  )

  it.live("a file that is torn, spoilt or not one of ours is replaced", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const [cache, file] = [join(directory, "command"), join(directory, "a.cjs")]
      writeFileSync(file, source(1))
      ran(cache, file)
      const good = readFileSync(cache)
      const flipped = (at: number) => good.map((byte, index) => (index === at ? byte ^ 1 : byte))
      const bad = [
        Buffer.alloc(0),
        good.subarray(0, 5),
        good.subarray(0, good.length - 1),
        Buffer.alloc(good.length),
        Buffer.concat([good, good]),
        ...[0, 4, 9, Math.floor(good.length / 2), good.length - 1].map(flipped),
      ]
      for (const bytes of bad) {
        writeFileSync(cache, bytes)
        const before = identity(cache)
        assert.strictEqual(ran(cache, file), "1 2 3")
        assert.notStrictEqual(identity(cache), before)
      }
    }),
  )

  it.live("where nothing can be kept everything runs", () =>
    Effect.gen(function* () {
      const directory = yield* scratch
      const file = join(directory, "a.cjs")
      writeFileSync(file, source(1))
      mkdirSync(join(directory, "taken"))
      for (const path of [undefined, join(directory, "no", "such"), join(directory, "taken")])
        assert.strictEqual(ran(path, file), "1 2 3")
      assert.deepStrictEqual(readdirSync(directory).sort(), ["a.cjs", "taken"])
      // Nor can what stands in the way of the writing be removed.
      mkdirSync(join(directory, "other.new"))
      assert.strictEqual(ran(join(directory, "other"), file), "1 2 3")
    }),
  )
})

/** The file begins with two numbers and an index: CodeCache.ts. */
const kept = (path: string): ReadonlyArray<string> => {
  const all = readFileSync(path)
  return Object.keys(JSON.parse(all.toString("utf8", 8, 8 + all.readUInt32LE(4))))
}

describe("the command's cache", () => {
  const caching = Effect.gen(function* () {
    const place = yield* home
    const cache = join(place.directory, "cache")
    const version = (yield* place.run(["--version"])).stdout.trim().split(" ")[1] ?? ""
    const own = join(cache, "signalbox", "compiled", version)
    const file = join(own, `command-${process.version}-${process.arch}`)
    return { ...place, cache, env: { ...place.env, XDG_CACHE_HOME: cache }, own, file }
  })

  it.live("what a host needs is not loaded for a small command", () =>
    Effect.gen(function* () {
      const { env, file, own, run } = yield* caching
      const { code, stderr } = yield* run(["models"], { env })
      assert.strictEqual(code, 0, stderr)
      assert.deepStrictEqual(kept(file), ["program.cjs"])
      // A text that is in the code of what was loaded, as V8 keeps it; the host's is not.
      const compiled = readFileSync(file, "latin1")
      assert.include(compiled, "PROVIDER")
      assert.notInclude(compiled, "@signalbox/server/Listening")
      assert.strictEqual(statSync(own).mode & 0o777, 0o700)
    }),
  )

  it.live("a run that fails keeps nothing: it has not called what the next one will", () =>
    Effect.gen(function* () {
      const { env, own, run } = yield* caching
      assert.strictEqual((yield* run(["models", "--no-such-flag"], { env })).code, 2)
      assert.deepStrictEqual(readdirSync(own), [])
    }),
  )

  it.live("a directory that others may write to is not used: what lies there is run", () =>
    Effect.gen(function* () {
      for (const open of ["own", "signalbox", "cache"] as const) {
        const { cache, env, own, run } = yield* caching
        const directory = { own, signalbox: join(cache, "signalbox"), cache }[open]
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        chmodSync(directory, 0o777)
        assert.strictEqual((yield* run(["models"], { env })).code, 0)
        assert.deepStrictEqual(readdirSync(directory), [], open)
      }
    }),
  )

  it.live("a disk with little room is left to others", (context) =>
    Effect.gen(function* () {
      const { cache, env, own, run } = yield* caching
      const mounted = (script: string) =>
        runProgram(
          "unshare",
          ["--mount", "sh", "-c", `mount -t tmpfs -o size=16m,mode=0700 x "${cache}" && ${script}`],
          env,
        )
      mkdirSync(cache, { mode: 0o700 })
      if ((yield* mounted("true")).code !== 0) return context.skip("no file system can be mounted")
      const command = `"${process.execPath}" "${yield* program}" models >/dev/null && ls "${own}"`
      assert.deepInclude(yield* mounted(command), { code: 0, stdout: "" })
      assert.strictEqual((yield* run(["models"], { env })).code, 0)
      assert.strictEqual(readdirSync(own).length, 1)
    }),
  )

  it.live("NODE_DISABLE_COMPILE_CACHE turns it off; what other versions left goes away after a week", () =>
    Effect.gen(function* () {
      const { env, own, run } = yield* caching
      const [old, recent] = ["0.0.1", "0.0.2"].map((version) => join(own, "..", version))
      for (const directory of [old!, recent!]) mkdirSync(directory, { recursive: true, mode: 0o700 })
      const aWeekAgo = Date.now() / 1000 - 8 * 24 * 3600
      utimesSync(old!, aWeekAgo, aWeekAgo)
      assert.strictEqual((yield* run(["models"], { env: { ...env, NODE_DISABLE_COMPILE_CACHE: "1" } })).code, 0)
      assert.isFalse(existsSync(own))
      assert.isTrue(existsSync(old!))
      assert.strictEqual((yield* run(["models"], { env })).code, 0)
      assert.isTrue(existsSync(own))
      assert.isFalse(existsSync(old!))
      assert.isTrue(existsSync(recent!))
    }),
  )
})
